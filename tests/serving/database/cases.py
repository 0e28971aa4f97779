"""Cases that several test files of this folder share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from sidelight.serving.database import sql_tables
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event, Exposure


def raw(db: Database) -> str:
    """Everything in all tables, as text."""
    with db._connections._engine.connect() as connection:
        return "\n".join(
            repr(tuple(r))
            for t in sql_tables.metadata.sorted_tables
            for r in connection.execute(sa.select(t))
        )


START = datetime(2026, 3, 1, 12, tzinfo=UTC)


HARD_IDS = [
    "äöü",
    "a b\n\tc",
    "'; DROP TABLE sidelight_events; --",
    "%s %(x)s :user ?",
    "😀" * 256,
    " ",
    "x" * 512,
]


BAD_IDS: list[Any] = ["", "x" * 513, "a\0b", "\ud800", "ab\udfff", 7, None, b"a"]


def event(
    user: str, item: str = "i", minute: float = 0, kind: Any = "click", name: str | None = None
) -> Event:
    return Event(user, item, kind, START + timedelta(minutes=minute), name)


def shown(user: str | None, item: str = "i", minute: float = 0) -> Exposure:
    return Exposure("r1", user, item, 3, 0.1 + 0.2, True, "v1", START + timedelta(minutes=minute))


def stored(db: Database) -> list[Event]:
    return [e for _, e in db.events_since(0)]
