"""Whose data may be stored, and under which number."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from sidelight.serving.database.sql_tables import insert_or_ignore, names, people, to_micros, tombstones

PIECE: Final = 1000  # people in one statement
NEVER: Final = to_micros(datetime.max.replace(tzinfo=UTC))
_MARKS: Final = sa.bindparam("marks", type_=sa.LargeBinary, expanding=True)
_STANDING: Final = sa.union_all(
    sa.select(people.c.mark, people.c.person, people.c.consent, sa.literal(0).label("since")).where(
        people.c.mark.in_(_MARKS)
    ),
    sa.select(tombstones.c.mark, sa.null(), sa.null(), sa.func.coalesce(tombstones.c.since, NEVER)).where(
        tombstones.c.mark.in_(_MARKS)
    ),
)
# Another writer may just have added the same people.
_ENROL: Final = insert_or_ignore(people, "mark", people.c.mark, people.c.person)


@dataclass
class UserRecord:
    """What is known about some people.

    Args:
        numbers: Number by user id, of those who have one.
        until: By user id, the moment in microseconds before which nothing may be used; only of
            those for whom there is one.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    until: dict[str, int] = field(default_factory=dict)

    def allows(self, user: str, at: int) -> bool:
        """Whether something of this moment may be stored about a person."""
        return at >= self.until.get(user, at)


def user_mark(secret: bytes, text: str) -> bytes:
    """HMAC-SHA256 of an id, 32 bytes: says nothing about it without the key of the database."""
    return hmac.digest(secret, text.encode(), "sha256")


def user_record(connection: sa.Connection, secret: bytes, users: Sequence[str]) -> UserRecord:
    """What the database knows about these people."""
    found = UserRecord()
    for at in range(0, len(users), PIECE):
        named = {user_mark(secret, user): user for user in users[at : at + PIECE]}
        for stone, person, consent, since in connection.execute(_STANDING, {"marks": list(named)}):
            user = named[stone]
            if person is not None:
                found.numbers[user] = person
            until = NEVER if consent is False else since
            if until:
                found.until[user] = max(until, found.until.get(user, 0))
    return found


def register_users(connection: sa.Connection, secret: bytes, users: Iterable[str], found: UserRecord) -> None:
    """Give a number to those who have none, and put it into `found`."""
    named = {user_mark(secret, user): user for user in users if user not in found.numbers}
    if not named:
        return
    # In one order, so that two writers who add the same people do not stand in each other's way.
    rows: list[dict[str, Any]] = [{"mark": stone} for stone in sorted(named)]
    made = {named[stone]: n for stone, n in connection.execute(_ENROL[connection.dialect.name], rows)}
    if made:
        written = sorted((n, user) for user, n in made.items())
        connection.execute(sa.insert(names), [{"person": n, "user_id": user} for n, user in written])
    found.numbers |= made
    missing = [user for user in named.values() if user not in made]
    if missing:
        found.numbers |= user_record(connection, secret, missing).numbers
