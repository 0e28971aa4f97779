"""Times as microseconds, and inserts that skip what exists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from sidelight.serving.database.sql_tables import from_micros, highest, insert_or_ignore, people, to_micros


@given(st.datetimes(min_value=datetime(2, 1, 1), timezones=st.just(UTC)))
def test_a_time_survives_to_the_microsecond(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at
    assert from_micros(to_micros(at) - 1) == at - timedelta(microseconds=1)


def test_zones_do_not_matter() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    assert to_micros(at) == to_micros(at.astimezone(UTC)) == 1_772_348_400_000_000


def test_an_insert_skips_what_exists_and_returns_the_new_rows() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        people.create(connection)
        assert highest(connection, people.c.person) == 0
        insert = insert_or_ignore(people, "mark", people.c.person)[connection.dialect.name]
        assert len(connection.execute(insert, [{"mark": b"a"}, {"mark": b"b"}]).all()) == 2
        assert len(connection.execute(insert, [{"mark": b"b"}, {"mark": b"c"}]).all()) == 1
        assert highest(connection, people.c.person) >= 3
    engine.dispose()
