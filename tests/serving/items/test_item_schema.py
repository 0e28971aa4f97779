"""What a row that comes in may hold."""

from __future__ import annotations

import base64
import io
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
import served
from PIL import Image

from sidelight.data.schema import Column
from sidelight.errors import DataError
from sidelight.models.items import Items
from sidelight.serving.items.item_schema import ItemSchema

TYPES = {
    "item_id": pl.Int64(),
    "vec": pl.List(pl.Float64()),
    "tags": pl.List(pl.String()),
    "when": pl.Datetime("us", "UTC"),
    "day": pl.Date(),
    "ok": pl.Boolean(),
    "n": pl.Int32(),
    "photo": pl.Binary(),
    "path": pl.String(),
}


ROLES = {"vec": "vector", "path": "image_path", "photo": "image_bytes"}


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    return file.getvalue()


ROW = {
    "item_id": "7",
    "vec": [1, 2],
    "tags": ["a", "b"],
    "when": "2026-03-01T10:00:00+02:00",
    "day": "2026-03-01",
    "ok": False,
    "n": 3,
    "photo": base64.b64encode(picture()).decode(),
}


@pytest.fixture(scope="module")
def items():
    rows = pl.DataFrame({n: pl.Series([None], dtype=t) for n, t in TYPES.items()})
    rows = rows.with_columns(item_id=pl.lit(1), vec=pl.lit([1.0, 2.0]))
    roles = tuple(Column(n, ROLES.get(n, "ignore")) for n in TYPES)
    return Items(np.array([1]), rows, np.zeros(1, np.float32), "", roles)


def test_every_kind_of_column_is_read_as_in_training(items):
    columns = ItemSchema.of(items)
    columns.check(ROW)
    found = columns.frame([ROW]).row(0, named=True)
    assert found["item_id"] == 7 and found["vec"] == [1.0, 2.0] and found["day"] == date(2026, 3, 1)
    assert found["when"] == datetime(2026, 3, 1, 8, tzinfo=UTC) and found["photo"] == picture()
    assert items.typed(columns.frame([ROW]), "x").schema == items.rows.schema


@pytest.mark.parametrize("name", [n for n in TYPES if n != "item_id"])
def test_any_value_may_be_missing(items, name):
    columns = ItemSchema.of(items)
    for row in ({**ROW, name: None}, {n: v for n, v in ROW.items() if n != name}):
        columns.check(row)
        assert items.typed(columns.frame([row]), "x")[name].to_list() == [None]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("item_id", "07", "a whole number as item id, as in the catalogue; found '07'"),
        ("item_id", "x", "a whole number as item id"),
        ("vec", [1, 2, 3], "2 numbers; found 3; in column 'vec'"),
        ("vec", [1, "2"], "a list of numbers or null"),
        ("vec", "1 2", "a list of numbers or null"),
        ("when", "2026-03-01T10:00:00", "a time as ISO text with a time zone or null"),
        ("day", "soon", "a date as ISO text or null; found str 'soon'"),
        ("ok", 1, "true or false or null; found int 1; in column 'ok'"),
        ("n", 2.5, "a whole number or null"),
        ("n", 2**40, "a whole number or null"),
        ("n", 10**400, "a whole number or null"),
        ("photo", base64.b64encode(b"no picture").decode(), "an image; found .*in column 'photo'"),
        ("photo", "not base64!", "bytes as base64 or null"),
        ("path", "/etc/passwd", "no path of an image"),
        ("era", "old", "item columns of the catalogue; found 'era'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_column(items, name, value, said):
    with pytest.raises(DataError, match=said):
        ItemSchema.of(items).check({**ROW, name: value})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"title": "x"}, "a row with item_id"),
        ({"item_id": 5}, "an item id as text"),
        ({"item_id": ""}, "an item id of 1 to 512"),
        ({"item_id": "x" * 101}, "at most 100 characters"),
        ({"item_id": "n", "titel": "x"}, "did you mean 'title'"),
        ({"item_id": "n", "title": 5}, "a text or null; found int 5; in column 'title'"),
        ({"item_id": "n", "price": "5"}, "a number or null"),
        ({"item_id": "n", "price": True}, "a number or null"),
        ({"item_id": "n", "price": float("nan")}, "a number or null"),
        ({"item_id": "n", "tags": "outdoor"}, "a list of texts or null"),
        ({"item_id": "n", "tags": ["outdoor", 5]}, "a list of texts or null"),
    ],
)
def test_one_wrong_row_keeps_all_of_them_out(tmp_path, row, said):
    with served.engine(tmp_path) as engine:
        with pytest.raises(DataError, match=said):
            engine.put_items([{"item_id": "good", "title": "tent"}, row])
        assert engine.database.items_since(0) == []
