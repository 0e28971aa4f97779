"""Events: stored once, on the disk when the call returns, given out in the order they were stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from sidelight.serving.database import locks
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.sql_tables import (
    events,
    from_micros,
    insert_or_ignore,
    names,
    people,
    to_micros,
)
from sidelight.serving.database.user_registry import register_users, user_mark, user_record
from sidelight.serving.domain import Event

_INSERT: Final = insert_or_ignore(events, "event_mark", events.c.seq)


def add(connections: Connections, secret: bytes, given: Sequence[Event]) -> tuple[int, int]:
    """How many events were new, and how many nobody may keep. All others are stored, or none."""
    users = list(dict.fromkeys(event.user_id for event in given))

    def work(connection: sa.Connection) -> tuple[int, int]:
        locks.beside(connection, locks.EVENTS, users)
        found = user_record(connection, secret, users)
        kept = [event for event in given if found.allows(event.user_id, to_micros(event.at))]
        if not kept:
            return 0, len(given)
        register_users(connection, secret, dict.fromkeys(event.user_id for event in kept), found)
        rows = [_row(event, found.numbers[event.user_id], secret) for event in kept]
        new = connection.execute(_INSERT[connection.dialect.name], rows).all()
        return len(new), len(given) - len(kept)

    return connections.write(work) if given else (0, 0)


def since(connections: Connections, seq: int, limit: int) -> list[tuple[int, Event]]:
    """See `Database.events_since`."""
    e = events.c
    wanted = (
        sa.select(e.seq, names.c.user_id, e.item_id, e.kind, e.at)
        .join(people, people.c.person == e.person)
        .join(names, names.c.person == e.person)
        .where(e.seq > seq, people.c.consent.is_not(False))
        .order_by(e.seq)
        .limit(limit)
    )
    wanted = locks.settled(connections, wanted, locks.EVENTS, e.seq)
    rows = connections.read(lambda c: c.execute(wanted).all())
    return [(row[0], Event.stored(row[1], row[2], row[3], from_micros(row[4]))) for row in rows]


def _row(event: Event, person: int, secret: bytes) -> dict[str, Any]:
    return {
        "person": person,
        "item_id": event.item_id,
        "kind": event.kind,
        "at": to_micros(event.at),
        "event_mark": None if event.event_id is None else user_mark(secret, event.event_id)[:16],
    }
