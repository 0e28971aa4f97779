"""Frames in memory: dicts, polars, pandas."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

import sidelight as sl
from sidelight.data.read import SidelightWarning, from_frames, read_raw
from sidelight.errors import DataError

LOG = {"user_id": ["a", "b"], "item_id": ["x", "y"]}


DAYS = ["2024-01-01", "2024-01-02"]


BERLIN = dt.timezone(dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (["x"], "columns of equal length; found 'user_id' 2, 'item_id' 1"),
        (5, "a list of values; found 5 for 'item_id'"),
        ("xy", "a list of values; found 'xy' for 'item_id'"),
        (b"xy", "a list of values"),
        (None, "a list of values"),
        ({"x": 1}, "a list of values"),
        (np.array("x"), "expected"),
    ],
)
def test_a_column_of_a_dict_is_a_list(column, said):
    with pytest.raises(DataError, match=said) as error:
        sl.from_frames({**LOG, "item_id": column})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "times",
    [
        np.array(DAYS, "datetime64[D]"),
        np.array(DAYS, "datetime64[s]"),
        np.array(DAYS, "datetime64[ns]"),
        list(np.array(DAYS, "datetime64[ns]")),
        list(np.array(DAYS, "datetime64[h]")),
        [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2, tzinfo=dt.UTC)],
        [dt.datetime(2024, 1, 1, 1, tzinfo=BERLIN), dt.datetime(2024, 1, 2)],
        [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02", tz="UTC")],
        pd.to_datetime(pd.Series(DAYS), utc=True),
        pl.Series(DAYS).str.to_date(),
        tuple(dt.date.fromisoformat(day) for day in DAYS),
    ],
)
def test_times_of_every_python_type_are_the_same_times(times):
    data = sl.from_frames({**LOG, "timestamp": times})
    assert data.interactions.timestamp.tolist() == [1704067200000000, 1704153600000000]


def test_half_a_surrogate_pair_becomes_the_mark_of_a_lost_character(tmp_path):
    items = {"item_id": ["x", "y"], "title": ["tea \ud83d", "pot \ud83c\udf75"], "tags": [["a\ud83d"], ["b"]]}
    (tmp_path / "interactions.jsonl").write_text(
        '{"user_id":"a","item_id":"x"}\n{"user_id":"b","item_id":"y"}\n'
    )
    (tmp_path / "items.jsonl").write_text(
        '{"item_id":"x","title":"tea \\ud83d","tags":["a\\ud83d"],"extra":{"a":1}}\n'
        '{"item_id":"y","title":"pot \\ud83c\\udf75","tags":["b"],"extra":{"a":1}}\n'
    )
    for data in (sl.from_frames(LOG, items), sl.read(tmp_path)):
        assert data.items["title"].to_list() == ["tea \ufffd", "pot 🍵"]
        assert "a\ufffd" in str(data.items["tags"].to_list())


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ([1, pd.NA], [1.0, None]),
        ([np.int64(1), 2], [1.0, 2.0]),
        ([np.float32(1.5), None], [1.5, None]),
        ([Decimal("1.5"), Decimal(2)], [1.5, 2.0]),
        (np.array([1.5, None], dtype=object), [1.5, None]),
        (pd.Series([1, None], dtype="Int64"), [1.0, None]),
    ],
)
def test_numbers_of_every_python_type_are_numbers(given, read):
    schema = sl.Schema(items=(sl.Column("item_id", "item_id"), sl.Column("price", "number")))
    data = sl.from_frames(LOG, {"item_id": ["x", "y"], "price": given}, schema=schema)
    assert data.items["price"].to_list() == read


@pytest.mark.parametrize("rows", [np.array([[1.0, 2.0], [3.0, 4.0]]), [np.array([1, 2]), np.array([3, 4])]])
def test_rows_of_arrays_are_vectors(rows):
    schema = sl.Schema(items=(sl.Column("item_id", "item_id"), sl.Column("v", "vector")))
    data = sl.from_frames(LOG, {"item_id": ["x", "y"], "v": rows}, schema=schema)
    assert data.items["v"].to_list() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_long_cell_is_cut_with_a_finding(tmp_path):
    rows = ["i1,red pot", f"i2,{'long words ' * 200_000}", "i3,green lamp"]
    (tmp_path / "items.csv").write_text("\n".join(["item_id,title", *rows]))
    (tmp_path / "interactions.csv").write_text("user_id,item_id\nu,i1\nv,i2\n")
    raw = read_raw(tmp_path)
    (found,) = [f for f in raw.findings if f.defect == "long-text"]
    assert (found.file, found.row, found.column, found.count) == ("items.csv", 2, "title", 1)
    assert raw.frames["items"]["title"].str.len_chars().to_list() == [7, 20_000, 10]


def test_pandas_and_dict_frames_equal_polars():
    columns = {"userId": [1, 2, 2], "movieId": [5, 6, 7], "rating": [1.0, 2.5, 3.0]}
    times = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])
    items = {"movieId": [5, 6, 8], "title": ["a b", None, "c d"], "year": [1999.0, None, 2001.0]}
    want = from_frames(pl.DataFrame({**columns, "timestamp": times.tolist()}), items=pl.DataFrame(items))
    got = from_frames(pd.DataFrame({**columns, "timestamp": times}), items=pd.DataFrame(items))
    zoned = pd.DataFrame({**columns, "timestamp": times.tz_localize("UTC").tz_convert("Asia/Tokyo")})
    assert got.fingerprint == want.fingerprint
    assert from_frames(zoned, items=items).fingerprint == want.fingerprint
    assert got.item_ids.tolist() == [5, 6, 7, 8]
    assert got.items["title"].to_list() == ["a b", None, None, "c d"]


def test_pandas_float_ids_with_gaps_stay_whole_numbers():
    with pytest.warns(SidelightWarning, match=r"1 row was set aside \(null-id 1\)"):
        data = from_frames(pd.DataFrame({"user_id": [1.0, None, 3.0], "item_id": ["a", "b", "c"]}))
    assert data.user_ids.tolist() == [1, 3]
