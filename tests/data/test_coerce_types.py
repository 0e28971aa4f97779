"""Conversion of polars types."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from sidelight.data.read import from_frames


@pytest.mark.parametrize(
    ("values", "role", "want"),
    [
        (pl.Series(["a", "b", None], dtype=pl.Categorical), "category", ["a", "b", None]),
        (pl.Series(["a", "b", None], dtype=pl.Enum(["a", "b"])), "category", ["a", "b", None]),
        (pl.Series([Decimal("1.5"), None]), "number", [1.5, None]),
        (pl.Series([timedelta(days=1), None]), "number", [86400, None]),
        (pl.Series([{"a": 1}, None]), "ignore", ['{"a":1}', None]),
        (pl.Series([[1.0, 2.0], None], dtype=pl.Array(pl.Float32, 2)), "vector", [[1.0, 2.0], None]),
        (pl.Series([2**70, 1], dtype=pl.Int128), "number", [2.0**70, 1]),
        (pl.Series([[[1]], None]), "tags", [["[1]"], None]),
        (pl.Series([date(2024, 1, 1), None]), "timestamp", [1704067200000000, None]),
        (pl.Series([None, None]), "ignore", [None, None]),
        (pl.Series([["a", None, " "], []]), "tags", [["a"], None]),
    ],
)
def test_any_type_of_polars_is_understood(values, role, want):
    items = pl.DataFrame([pl.Series("item_id", range(len(values))), values.alias("x")])
    data = from_frames({"user_id": [1], "item_id": [0]}, items=items)
    assert (data.schema.find("items", "x").role, data.items["x"].to_list()) == (role, want)
