"""Conditions on columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from sidelight.errors import SpecError
from sidelight.serving.rerank.candidates import AttributeTable


@pytest.fixture(scope="module")
def attributes() -> AttributeTable:
    frame = pl.DataFrame(
        {
            "item_id": ["a", "b", "c", "d"],
            "brand": ["x", "y", None, "x"],
            "tags": [["home", "wood"], [], None, ["wood"]],
            "price": [1.0, 2.5, None, 1.0],
            "stock": [True, False, None, True],
            "day": ["2026-02-01", "2026-02-02", None, "2026-02-01"],
            "vector": [[1.0], [2.0], None, [1.0]],
        }
    )
    return AttributeTable(
        frame.with_columns(pl.col("day").str.to_date(), kind=pl.col("brand").cast(pl.Categorical))
    )


@pytest.mark.parametrize(
    ("column", "value", "ids"),
    [
        ("item_id", "c", "c"), ("brand", "x", "ad"), ("kind", "x", "ad"), ("brand", "nobody's", ""),
        ("tags", "wood", "ad"), ("tags", "woo", ""), ("price", 1, "ad"), ("price", "2.5", "b"),
        ("stock", "true", "ad"), ("stock", 0, "b"), ("day", "2026-02-02", "b"),
    ],
)  # fmt: skip
def test_a_condition_finds_its_items(attributes: AttributeTable, column: str, value: Any, ids: str) -> None:
    mask = attributes.mask(column, value)
    assert "".join(np.array(list("abcd"))[mask]) == ids
    rows = np.array([3, 0, 2])
    assert attributes.of(rows)(column, value).tolist() == mask[rows].tolist()
    with pytest.raises(ValueError, match="read-only"):
        mask[0] = True


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("brnad", "x", "did you mean 'brand'"),
        ("brand", 1.0, "put it in quotes"),
        ("tags", 1.0, "put it in quotes"),
        ("price", "cheap", "a number"),
        ("stock", "perhaps", "'true' or 'false'"),
        ("vector", 1.0, "can be compared|texts, labels, numbers or dates"),
    ],
)
def test_a_condition_that_cannot_be_met_is_refused(
    attributes: AttributeTable, column: str, value: Any, words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        attributes.mask(column, value)
