"""Consent, forgetting, and what may be used about a person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from sidelight.serving.database import locks
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.sql_tables import (
    events,
    exposures,
    from_micros,
    names,
    now,
    people,
    tombstones,
)
from sidelight.serving.database.user_registry import register_users, user_mark, user_record
from sidelight.serving.domain import HISTORY, Event, PersonState


def _person() -> sa.Select[Any]:
    """Consent, tombstone and the last events of one person in one statement."""
    of_mark = sa.bindparam("mark", type_=sa.LargeBinary)
    number = sa.select(people.c.person).where(people.c.mark == of_mark).scalar_subquery()
    e = events.c
    last = (
        sa.select(e.seq, e.item_id, e.kind, e.at)
        .where(e.person == number)
        .order_by(e.at.desc(), e.seq.desc())
        .limit(HISTORY)
        .subquery()
    )
    one = sa.select(sa.literal(1).label("one")).subquery()
    joined = (
        one.outerjoin(people, people.c.mark == of_mark)
        .outerjoin(tombstones, tombstones.c.mark == of_mark)
        .outerjoin(last, sa.true())
    )
    about = (people.c.consent, tombstones.c.forgotten, tombstones.c.since)
    done = (last.c.item_id, last.c.kind, last.c.at)
    return sa.select(*about, *done).select_from(joined).order_by(last.c.at, last.c.seq)


_PERSON: Final = _person()


def person(connections: Connections, secret: bytes, user: str) -> PersonState:
    """See `Database.person`."""
    rows = connections.read(lambda c: c.execute(_PERSON, {"mark": user_mark(secret, user)}).all())
    consent, forgotten, since = rows[0][:3]
    if forgotten is not None and since is None:
        return PersonState(forgotten=True)
    back = None if since is None else from_micros(since)
    if consent is False:
        return PersonState(consent, since=back)
    done = [
        Event.stored(user, item, kind, from_micros(at))
        for _, _, _, item, kind, at in rows
        if item is not None
    ]
    return PersonState(consent, events=done, since=back)


def set_consent(connections: Connections, secret: bytes, user: str, given: bool) -> None:
    """See `Database.set_consent`."""
    stone = user_mark(secret, user)

    def work(connection: sa.Connection) -> None:
        locks.alone_with(connection, user)
        buried = tombstones.c.mark == stone
        gone = connection.execute(sa.select(tombstones.c.since, tombstones.c.forgotten).where(buried)).first()
        if gone is not None and gone[0] is None:
            if not given:
                return  # nothing is used or accepted already, and the name is not to be written down
            # A clock that was set back meanwhile must not let in what came before the forgetting.
            connection.execute(sa.update(tombstones).where(buried).values(since=max(now(), gone[1] + 1)))
        register_users(connection, secret, [user], user_record(connection, secret, [user]))
        asked = sa.update(people).where(people.c.mark == stone)
        connection.execute(asked.values(consent=given, asked=now()))

    connections.write(work)


def forget(connections: Connections, secret: bytes, user: str) -> int:
    """See `Database.forget`."""
    stone = user_mark(secret, user)

    def work(connection: sa.Connection) -> int:
        locks.alone_with(connection, user)
        connection.execute(sa.delete(tombstones).where(tombstones.c.mark == stone))
        connection.execute(sa.insert(tombstones).values(mark=stone, forgotten=now()))
        number = connection.execute(sa.select(people.c.person).where(people.c.mark == stone)).scalar()
        if number is None:
            return 0
        # Blanks of the same length are written over the id; a shorter text would move the row.
        blank = sa.update(names).where(names.c.person == number)
        connection.execute(blank.values(user_id=" " * len(user.encode())))
        connection.execute(sa.delete(people).where(people.c.person == number))
        gone = [connection.execute(sa.delete(t).where(t.c.person == number)) for t in (events, exposures)]
        return sum(int(result.rowcount) for result in gone)

    deleted = connections.write(work)
    connections.wipe()
    return deleted


def barred(connections: Connections, secret: bytes, users: Iterable[str]) -> dict[str, datetime]:
    """See `Database.barred`."""
    wanted = list(dict.fromkeys(users))
    found = connections.read(lambda connection: user_record(connection, secret, wanted))
    return {user: from_micros(until) for user, until in found.until.items()}
