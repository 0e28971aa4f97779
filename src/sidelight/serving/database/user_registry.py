"""Registry of users: user ids to internal numbers, with consent and deletion status."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from sidelight.serving.database.sql_tables import insert_or_ignore, names, people, to_micros, tombstones

PIECE: Final = 1000  # users in one statement
NEVER: Final = to_micros(datetime.max.replace(tzinfo=UTC))
_MARKS: Final = sa.bindparam("marks", type_=sa.LargeBinary, expanding=True)
_RECORD: Final = sa.union_all(
    sa.select(people.c.mark, people.c.person, people.c.consent, sa.literal(0).label("since")).where(
        people.c.mark.in_(_MARKS)
    ),
    sa.select(tombstones.c.mark, sa.null(), sa.null(), sa.func.coalesce(tombstones.c.since, NEVER)).where(
        tombstones.c.mark.in_(_MARKS)
    ),
)
# Another writer may just have added the same users.
_REGISTER: Final = insert_or_ignore(people, "mark", people.c.mark, people.c.person)


@dataclass
class UserRecord:
    """Numbers and restrictions of some users.

    Args:
        numbers: Number by user id, for users who have one.
        until: Time in microseconds before which nothing may be used, by user id, for restricted users.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    until: dict[str, int] = field(default_factory=dict)

    def allows(self, user: str, at: int) -> bool:
        """Return whether data of this time may be stored about a user."""
        return at >= self.until.get(user, at)


def user_mark(secret: bytes, text: str) -> bytes:
    """HMAC-SHA256 of an id, 32 bytes: reveals nothing about it without the key of the database."""
    return hmac.digest(secret, text.encode(), "sha256")


def user_record(connection: sa.Connection, secret: bytes, users: Sequence[str]) -> UserRecord:
    """Look up numbers and restrictions of users."""
    record = UserRecord()
    for at in range(0, len(users), PIECE):
        named = {user_mark(secret, user): user for user in users[at : at + PIECE]}
        for mark, person, consent, since in connection.execute(_RECORD, {"marks": list(named)}):
            user = named[mark]
            if person is not None:
                record.numbers[user] = person
            until = NEVER if consent is False else since
            if until:
                record.until[user] = max(until, record.until.get(user, 0))
    return record


def register_users(
    connection: sa.Connection, secret: bytes, users: Iterable[str], record: UserRecord
) -> None:
    """Assign a number to users without one, and add it to `record`."""
    named = {user_mark(secret, user): user for user in users if user not in record.numbers}
    if not named:
        return
    # In one order, so that two writers who add the same users do not deadlock.
    rows: list[dict[str, Any]] = [{"mark": mark} for mark in sorted(named)]
    new = {named[mark]: n for mark, n in connection.execute(_REGISTER[connection.dialect.name], rows)}
    if new:
        written = sorted((n, user) for user, n in new.items())
        connection.execute(sa.insert(names), [{"person": n, "user_id": user} for n, user in written])
    record.numbers |= new
    missing = [user for user in named.values() if user not in new]
    if missing:
        record.numbers |= user_record(connection, secret, missing).numbers
