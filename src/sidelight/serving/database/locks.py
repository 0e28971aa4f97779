"""Advisory locks on PostgreSQL. SQLite has one writer at a time, so nothing is needed there.

Rows get their number before they are committed, so a reader could see number 7 while 6 is still to
come, and would never look for 6 again. And a user could be forgotten between the check of consent
and the storing of an event. Both are prevented by locks that end with the transaction.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from sidelight.serving.database.connections import Connections
from sidelight.serving.database.sql_tables import highest

_SPACE: Final = 0x51DE  # the first of the two numbers of every lock of Sidelight
SCHEMA, ITEMS, EVENTS, EXPOSURES = range(4)
_USERS, _BUCKETS = 100, 64  # users share a few locks: a server has room for a limited number

_SHARED = sa.text(
    "SELECT count(pg_advisory_xact_lock_shared(:space, n)::text) FROM unnest(CAST(:numbers AS int[])) AS n"
)
_EXCLUSIVE = sa.text("SELECT pg_advisory_xact_lock(:space, :number)")


def exclusive(connection: sa.Connection, number: int) -> None:
    """Take an exclusive lock, held until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_EXCLUSIVE, {"space": _SPACE, "number": number})


def exclusive_user(connection: sa.Connection, user: str) -> None:
    """Keep all other writers from storing data of this user until the transaction ends."""
    exclusive(connection, _bucket(user))


def shared(connection: sa.Connection, number: int, users: Iterable[str]) -> None:
    """Take shared locks: other writers may go on, but no reader that counts and no change of these users."""
    if connection.dialect.name == "postgresql":
        numbers = [number, *sorted({_bucket(user) for user in users})]  # in one order: no deadlock
        connection.execute(_SHARED, {"space": _SPACE, "numbers": numbers}).one()


def settled(
    connections: Connections, wanted: sa.Select[Any], number: int, seq: sa.Column[int]
) -> sa.Select[Any]:
    """Limit a query to rows up to the highest number below which no other will appear any more.

    Args:
        connections: Connections to the database.
        wanted: The query.
        number: Lock of the writers of these rows.
        seq: Column of the row number.
    """
    if connections.sqlite:
        return wanted

    def last(connection: sa.Connection) -> int:
        exclusive(connection, number)
        return highest(connection, seq)

    return wanted.where(seq <= connections.write(last))


def _bucket(user: str) -> int:
    return _USERS + zlib.crc32(user.encode()) % _BUCKETS
