"""Rows set aside: their columns, types and JSON text."""

from __future__ import annotations

import json

import polars as pl

from sidelight.data.raw_tables import (
    QUARANTINE,
    ROW,
    RawTables,
    quarantine_frame,
    quarantine_rows,
    with_row_numbers,
)
from sidelight.data.schema import Schema


def test_rows_are_numbered_from_one() -> None:
    assert with_row_numbers(pl.DataFrame({"a": ["x", "y"]}))[ROW].to_list() == [1, 2]


def test_all_ways_to_the_quarantine_have_one_form() -> None:
    bad = with_row_numbers(pl.DataFrame({"item_id": ["a", None], "photo": [b"abc", None]}))
    whole = quarantine_frame(bad, "items", pl.lit("items.csv"), pl.lit("null-id"))
    text = quarantine_rows("items", "items.csv", "ragged-row", [(7, []), (9, [1])])
    none = quarantine_rows("items", "items.csv", "ragged-row", [])
    empty = quarantine_frame(bad.clear(), "items", pl.lit("items.csv"), pl.lit("null-id"))
    for rows in (whole, text, none, empty, RawTables({}, Schema()).quarantine):
        assert dict(rows.schema) == QUARANTINE
    assert (whole.height, text.height, none.height, empty.height) == (2, 2, 0, 0)
    assert json.loads(whole["content"][0]) == {"item_id": "a", "photo": "<3 bytes>"}
    assert text.row(1) == ("items.csv", 9, "items", "ragged-row", "[1]")
