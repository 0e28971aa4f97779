"""Who must wait for whom on PostgreSQL. SQLite has one writer at a time, so there is nothing to do.

Rows get their number before they are committed, so a reader could see number 7 while 6 is still to
come, and would never look for 6 again. And a person could be forgotten between the look at their
consent and the storing of their event. Both are kept apart by locks that end with the transaction.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from sidelight.serving.database.connections import Connections

_SPACE: Final = 0x51DE  # the first of the two numbers of every lock of Sidelight
SCHEMA, ITEMS, EVENTS, EXPOSURES = range(4)
_PEOPLE, _BUCKETS = 100, 64  # people share a few locks: a server has room for a limited number

_SHARED = sa.text(
    "SELECT count(pg_advisory_xact_lock_shared(:space, n)::text) FROM unnest(CAST(:numbers AS int[])) AS n"
)
_EXCLUSIVE = sa.text("SELECT pg_advisory_xact_lock(:space, :number)")


def alone(connection: sa.Connection, number: int) -> None:
    """Wait until nobody else holds this lock, then hold it until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_EXCLUSIVE, {"space": _SPACE, "number": number})


def alone_with(connection: sa.Connection, user: str) -> None:
    """Nobody stores anything about this person until the transaction ends."""
    alone(connection, _bucket(user))


def beside(connection: sa.Connection, number: int, users: Iterable[str]) -> None:
    """Write beside others who write, but not while a reader counts or one of these people changes."""
    if connection.dialect.name == "postgresql":
        numbers = [number, *sorted({_bucket(user) for user in users})]  # in one order: no deadlock
        connection.execute(_SHARED, {"space": _SPACE, "numbers": numbers}).one()


def settled(
    connections: Connections, wanted: sa.Select[Any], number: int, seq: sa.Column[int]
) -> sa.Select[Any]:
    """A query for rows up to the highest number below which no other will appear any more.

    Args:
        connections: Of the database.
        wanted: The query.
        number: The lock of those who write these rows.
        seq: Their number.
    """
    if connections.sqlite:
        return wanted

    def last(connection: sa.Connection) -> int:
        alone(connection, number)
        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(seq), 0))).scalar_one())

    return wanted.where(seq <= connections.write(last))


def _bucket(user: str) -> int:
    return _PEOPLE + zlib.crc32(user.encode()) % _BUCKETS
