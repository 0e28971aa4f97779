"""Times in any notation."""

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from data.cases import MOMENTS, SECONDS, START, WRITTEN, events
from hypothesis import given
from hypothesis import strategies as st

from sidelight.data.frames import frame_table
from sidelight.data.join_tables import join_tables
from sidelight.data.read import from_frames
from sidelight.data.schema import Column, Schema
from sidelight.data.timestamps import to_microseconds
from sidelight.errors import DataError, SpecError

MOMENT = st.datetimes(datetime(2001, 9, 10), datetime(2100, 1, 1))


EPOCH = datetime(1970, 1, 1)


def micro(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


DAYS = {
    "date numbers": [int(m.strftime("%Y%m%d")) for m in MOMENTS],
    "dates": [m.strftime("%Y-%m-%d") for m in MOMENTS],
    "words": [m.strftime("%b %d, %Y") for m in MOMENTS],
    "short german": [m.strftime("%d.%m.%y") for m in MOMENTS],
}


ODD = {
    "iso": ["9999-12-31", "0001-01-01", "1970-01-01", "2099-12-31", "2023-13-01", "soon", "0"],
    "date numbers": [20231301, 0, 99991231, 19000101, -1],
    "seconds": [0, -1, 2_147_483_647, 9_999_999_999, START * 1000, START * 10**6],
    "milliseconds": [0, START, START * 10**9],
    "excel": [0, 2_958_465],
    "german": ["12/31/2023", "00.00.0000", "31.02.2023"],
    "british": ["12/31/2023 10:00:00"],
}


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


@pytest.mark.parametrize("way", [*WRITTEN, *DAYS])
@pytest.mark.parametrize("name", ["clicked_at", "order_date"])
def test_times_are_recognised_however_they_are_written(way, name):
    values = (WRITTEN | DAYS)[way]
    day = 86_400 if way in DAYS else 1
    data = from_frames(events(name, values))
    assert sorted(data.interactions.timestamp // 10**6) == sorted(s // day * day for s in SECONDS)
    assert data.schema.find("interactions", "timestamp").source == name
    assert data.interactions.context is None


@pytest.mark.parametrize(("way", "odd"), [(way, odd) for way, many in ODD.items() for odd in many])
@pytest.mark.parametrize("share", [1, 10])
def test_an_odd_time_is_set_aside_and_leaves_the_others_alone(way, odd, share):
    values = list((WRITTEN | DAYS)[way])
    at = range(7, 200, 200 // share) if share > 1 else [7]
    rows = [odd if k in at else v for k, v in enumerate(values)]
    raw = join_tables(
        {
            "interactions": [
                frame_table(pl.DataFrame(events("clicked_at", rows), strict=False), "interactions")
            ]
        }
    )
    kept = raw.frames["interactions"]["timestamp"].to_list()
    assert kept == [t for k, t in enumerate(to_microseconds(pl.Series(values))[0]) if k not in at]
    [found] = [f for f in raw.findings if f.quarantined]
    assert (found.row, found.count, found.column) == (8, len(at), "timestamp") and repr(odd) in found.message
    assert raw.quarantine["row"].to_list() == [k + 1 for k in at]


def test_toy_times_stay_as_they_are():
    assert (
        from_frames(events("timestamp", list(range(200)))).interactions.timestamp.tolist()[-1] <= 199 * 10**6
    )


def test_undecided_dates_are_said_and_a_declared_format_decides():
    values = [f"0{1 + k % 9}/0{1 + k % 7}/2024" for k in range(200)]
    sheet = frame_table(events("sold_at", values), "interactions")
    [found] = [f for f in join_tables({"interactions": [sheet]}).findings if f.defect == "ambiguous-values"]
    assert 'unit = "mdy"' in found.fix and 'unit = "dmy"' in found.fix
    for unit, month, day in (("dmy", 2, 1), ("mdy", 1, 2), ("%d/%m/%Y", 2, 1)):
        columns = (
            Column("user_id", "user_id"),
            Column("item_id", "item_id"),
            Column("sold_at", "timestamp", unit=unit),
        )
        frame = pl.DataFrame(events("sold_at", ["01/02/2024"]))
        data = from_frames(frame, schema=Schema(columns))
        assert data.interactions.timestamp.tolist() == [micro(datetime(2024, month, day))]


def test_a_declared_format_that_no_value_fits_is_an_error():
    columns = (
        Column("user_id", "user_id"),
        Column("item_id", "item_id"),
        Column("t", "timestamp", unit="%d|%m|%Y"),
    )
    with pytest.raises(DataError, match=r"%d\|%m\|%Y"):
        from_frames(events("t", WRITTEN["iso"]), schema=Schema(columns))
    with pytest.raises(SpecError, match="unknown unit 'sec'"):
        Column("t", "timestamp", unit="sec")
