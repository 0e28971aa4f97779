"""Cases that several test files of this folder share."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from sidelight.serving.database import sql_tables
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event


def raw(db: Database) -> str:
    """Everything in all tables, as text."""
    with db._connections._engine.connect() as connection:
        return "\n".join(
            repr(tuple(r))
            for t in sql_tables.metadata.sorted_tables
            for r in connection.execute(sa.select(t))
        )


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


def stored(db: Database) -> list[Event]:
    return [e for _, e in db.events_since(0)]
