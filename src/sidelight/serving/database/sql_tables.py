"""Table definitions, equal on SQLite and PostgreSQL. Times are whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# SQLite numbers the rows of an INTEGER column itself, and stores 64 bits in it.
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData()

# Names have a prefix: a PostgreSQL database is often shared with other programs.
# AUTOINCREMENT: a number is never used twice, even after the highest rows were deleted, so a reader up
# to a number misses nothing that comes later.
meta = sa.Table(
    "sidelight_meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
# SQLite overwrites what is deleted, but when it moves rows from page to page it leaves copies behind.
# So the id of a user is stored in one place only, in a table whose rows never move: they are appended
# and never deleted; to forget a user, the id is overwritten by blanks in its place.
# All other tables refer to users by a number, which is found by a keyed hash of the id.
names = sa.Table(
    "sidelight_names",
    metadata,
    sa.Column("person", _Number, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.Text, nullable=False),
)
people = sa.Table(
    "sidelight_people",
    metadata,
    sa.Column("person", _Number, primary_key=True, autoincrement=True),
    sa.Column("mark", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("consent", sa.Boolean),
    sa.Column("asked", sa.BigInteger),
    sqlite_autoincrement=True,
)
# Users who were forgotten, and the time of their return.
tombstones = sa.Table(
    "sidelight_tombstones",
    metadata,
    sa.Column("mark", sa.LargeBinary, primary_key=True),
    sa.Column("forgotten", sa.BigInteger, nullable=False),
    sa.Column("since", sa.BigInteger),
)
events = sa.Table(
    "sidelight_events",
    metadata,
    sa.Column("seq", _Number, primary_key=True, autoincrement=True),
    sa.Column("person", _Number, nullable=False),
    sa.Column("item_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    # A keyed hash of the event's id: senders may put the id of the user into it.
    sa.Column("event_mark", sa.LargeBinary, unique=True),
    sa.Index("sidelight_events_of_person", "person", "at", "seq"),
    sqlite_autoincrement=True,
)
exposures = sa.Table(
    "sidelight_exposures",
    metadata,
    sa.Column("seq", _Number, primary_key=True, autoincrement=True),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("person", _Number, index=True),
    sa.Column("item_id", sa.Text, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("propensity", sa.Double, nullable=False),
    sa.Column("explored", sa.Boolean, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
items = sa.Table(
    "sidelight_items",
    metadata,
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("change", sa.BigInteger, nullable=False, unique=True),
    sa.Column("row", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
retirements = sa.Table(
    "sidelight_retirements",
    metadata,
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("change", sa.BigInteger, nullable=False, unique=True),
    sa.Column("retired", sa.Boolean, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
keys = sa.Table(
    "sidelight_keys",
    metadata,
    sa.Column("id", _Number, primary_key=True, autoincrement=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("revoked", sa.BigInteger),
    sqlite_autoincrement=True,
)


def insert_or_ignore(table: sa.Table, column: str, *given: sa.Column[Any]) -> dict[str, sa.Insert]:
    """Return, by dialect, an insert that skips rows whose value in a unique column exists already.

    Args:
        table: Target table.
        column: Name of the unique column.
        given: Columns to return of the rows that were new.
    """
    return {
        "sqlite": sqlite.insert(table).on_conflict_do_nothing(index_elements=[column]).returning(*given),
        "postgresql": postgresql.insert(table)
        .on_conflict_do_nothing(index_elements=[column])
        .returning(*given),
    }


def highest(connection: sa.Connection, column: sa.Column[int]) -> int:
    """Return the largest number in a column, 0 for an empty table."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one())


def to_micros(at: datetime) -> int:
    """Convert a time with a zone to whole microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(number: int) -> datetime:
    """Convert microseconds since 1970 to a time in UTC."""
    return _EPOCH + timedelta(microseconds=number)


def now() -> int:
    """Return the present time in microseconds since 1970."""
    return to_micros(datetime.now(UTC))
