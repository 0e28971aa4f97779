"""Times of any spelling are microseconds UTC, checked against Python's own datetime."""

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.data.times import to_microseconds

MOMENT = st.datetimes(datetime(2001, 9, 10), datetime(2100, 1, 1))
EPOCH = datetime(1970, 1, 1)


def micro(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


@given(st.lists(MOMENT, min_size=1, max_size=6), st.sampled_from(["s", "ms", "us", "ns"]), st.booleans())
def test_the_unit_of_numbers_is_found_by_magnitude(moments, unit, as_text):
    scale = {"s": 1e-6, "ms": 1e-3, "us": 1, "ns": 1000}[unit]
    numbers = [int(micro(m) * scale) if scale < 1 else micro(m) * int(scale) for m in moments]
    values = pl.Series("t", [str(n) for n in numbers] if as_text else numbers)
    times, found = to_microseconds(values)
    assert found == unit
    assert times.to_list() == [int(n / scale) if scale <= 1 else n // 1000 for n in numbers]


@given(MOMENT, st.sampled_from(["T", " "]), st.integers(-11, 11))
def test_iso_text(moment, between, hours):
    zone = timezone(timedelta(hours=hours))
    values = pl.Series(
        "t",
        [
            moment.isoformat(between),
            moment.isoformat(between) + "Z" if between == "T" else None,
            moment.replace(tzinfo=UTC).astimezone(zone).isoformat(between),
            moment.date().isoformat(),
            " " + moment.strftime(f"%Y-%m-%d{between}%H:%M"),
            str(micro(moment) // 10**6),
            "soon",
        ],
    )
    times, _ = to_microseconds(values)
    day = micro(moment.replace(hour=0, minute=0, second=0, microsecond=0))
    minute = micro(moment.replace(second=0, microsecond=0))
    second = micro(moment.replace(microsecond=0))
    same = micro(moment)
    assert times.to_list() == [same, same if between == "T" else None, same, day, minute, second, None]


def test_polars_times_and_dates():
    zoned = pl.Series("t", [datetime(2024, 1, 1, 9, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo")
    plain = pl.Series("t", [datetime(2024, 1, 1, 9)])
    for values in (zoned, plain, plain.dt.cast_time_unit("ns"), plain.dt.cast_time_unit("ms")):
        assert to_microseconds(values)[0].to_list() == [micro(datetime(2024, 1, 1, 9))]
    day = micro(datetime(2024, 1, 31))
    assert to_microseconds(pl.Series("t", [datetime(2024, 1, 31).date()]))[0].to_list() == [day]
    assert to_microseconds(pl.Series("t", [20240131, 20240131]))[0].to_list() == [day, day]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, 2.0**70])
def test_numbers_that_are_no_time_are_null(value):
    assert to_microseconds(pl.Series("t", [value, 1.6e9, 1.6e9]))[0].to_list() == [
        None,
        16 * 10**14,
        16 * 10**14,
    ]


def test_a_given_unit_is_kept():
    for values in ([5, 6], ["5", "6"], [5.0, 6.0]):
        times, unit = to_microseconds(pl.Series("t", values), "ms")
        assert (times.to_list(), unit) == ([5000, 6000], "ms")
