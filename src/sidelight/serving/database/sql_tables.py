"""The tables, the same on SQLite and PostgreSQL. Times are whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# SQLite numbers rows by itself in a column that is called INTEGER, and holds 64 bits in it.
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData()

# Names have a prefix: a PostgreSQL database is often shared with other programs.
# AUTOINCREMENT: a number is never given twice, even after the highest rows were deleted, so who has
# read up to a number misses nothing that comes later.
meta = sa.Table(
    "sidelight_meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
# SQLite overwrites what is deleted, but when it moves rows from page to page it leaves copies behind.
# So the id of a person is written in one place only, in a table whose rows never move: they are added
# at the end and never deleted; to forget somebody, the id is overwritten by blanks where it stands.
# Everything else knows people by a number, and finds the number by a keyed hash of the id.
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
# Who was forgotten, and when they came back.
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
    # A keyed hash of the event's id: senders may put the id of the person into it.
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
    """By dialect: an insert that passes over rows whose value in a unique column is there already.

    Args:
        table: Where to.
        column: The unique one.
        given: Columns that are given back, of the rows that were new.
    """
    return {
        "sqlite": sqlite.insert(table).on_conflict_do_nothing(index_elements=[column]).returning(*given),
        "postgresql": postgresql.insert(table)
        .on_conflict_do_nothing(index_elements=[column])
        .returning(*given),
    }


def to_micros(at: datetime) -> int:
    """Whole microseconds since 1970 of a time with a zone."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(number: int) -> datetime:
    """The time in UTC that `to_micros` counted."""
    return _EPOCH + timedelta(microseconds=number)


def now() -> int:
    """This moment in microseconds since 1970."""
    return to_micros(datetime.now(UTC))
