"""Columns and schemas: look-up by name and role, refused units and tables."""

from __future__ import annotations

import pytest

from sidelight.data.schema import Column, Schema
from sidelight.errors import SpecError

SHOP = Schema(
    (Column("user_id", "user_id"), Column("item_id", "item_id")),
    (
        Column("item_id", "item_id"),
        Column("title", "text"),
        Column("price", "number"),
        Column("note", "text"),
    ),
)


def test_columns_are_found_by_name_and_role_in_their_order() -> None:
    assert [c.name for c in SHOP.with_role("items", "text")] == ["title", "note"]
    assert [c.name for c in SHOP.with_role("items", "number", "text")] == ["title", "price", "note"]
    assert SHOP.find("items", "price").role == "number"
    assert [(table, c.name) for table, c in SHOP][:3] == [
        ("interactions", "user_id"), ("interactions", "item_id"), ("items", "item_id"),
    ]  # fmt: skip


def test_errors_name_the_nearest_valid_name() -> None:
    with pytest.raises(SpecError, match=r"no column 'titel' in the items table; did you mean 'title'\?"):
        SHOP.find("items", "titel")
    with pytest.raises(SpecError, match=r"unknown table 'itmes'; did you mean 'items'\?"):
        SHOP.columns("itmes")
    with pytest.raises(SpecError, match=r"unknown unit 'sec'"):
        Column("timestamp", "timestamp", unit="sec")
    with pytest.raises(SpecError):
        Column("title", "words")  # type: ignore[arg-type]
    assert Column("day", "timestamp", unit="%d.%m.%Y").unit == "%d.%m.%Y"
