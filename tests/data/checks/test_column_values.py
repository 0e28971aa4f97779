"""Checks of columns: each defect planted in a clean shop."""

from __future__ import annotations

import pytest
from plain_tables import (
    EVENTS,
    ITEMS,
    Case,
    assert_found,
    column,
    each,
    put,
)  # fmt: skip


def ratings(row: int, _: float) -> float:
    return float(row % 5 + 1)


SHY = column(ITEMS, "size", "number", lambda i: i * 1.5 if i in (1, 7, 40) else None)


PAGES = column(ITEMS, "pages", "category", lambda i: "many" if i == 11 else str(i % 50))


MAKER = column(ITEMS, "maker", "category", lambda i: f"made by hand number {i}")


SHADE = column(ITEMS, "shade", "text", lambda i: ["red", "dark blue"][i % 2])


MODEL = column(ITEMS, "model", "category", lambda i: f"B00X{i}")


SERIAL = column(ITEMS, "serial", "number", lambda i: 500.0 + i)


INF, NAN = float("inf"), float("nan")


CASES = [
    Case("empty-column", ITEMS, column(ITEMS, "colour", "category", None), None, "colour", 120),
    Case("constant-column", ITEMS, column(ITEMS, "colour", "category", "red"), None, "colour", 120),
    Case("mostly-missing", ITEMS, SHY, 1, "size", 117),
    Case("number-as-text", ITEMS, PAGES, 12, "pages"),
    Case("text-in-category", ITEMS, MAKER, None, "maker", 120),
    Case("category-in-text", ITEMS, SHADE, None, "shade", 120),
    Case("id-like-content", ITEMS, MODEL, None, "model", 120),
    Case("id-like-content", ITEMS, SERIAL, None, "serial", 120),
    Case("number-nonfinite", ITEMS, put(ITEMS, "price", 4, value=INF), 4, "price"),
    Case("number-nonfinite", ITEMS, put(ITEMS, "price", 4, 5, value=NAN), 4, "price", 2),
    Case("number-outlier", ITEMS, put(ITEMS, "price", 90, value=1e9), 90, "price"),
    Case("sentinel-number", ITEMS, put(ITEMS, "price", 91, 90, value=-1.0), 90, "price", 2),
    Case("rating-as-weight", EVENTS, each(EVENTS, "weight", ratings), None, "weight", 600),
    Case("vector-length", ITEMS, put(ITEMS, "embedding", 50, value=[1.0, 2.0]), 50, "embedding"),
    Case("vector-nonfinite", ITEMS, put(ITEMS, "embedding", 50, value=[1.0, NAN, 1.0, 1.0]), 50, "embedding"),
    Case("vector-zero", ITEMS, put(ITEMS, "embedding", 50, value=[0.0] * 4), 50, "embedding"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.defect)
def test_planted_defect_is_found_where_it_is(case: Case) -> None:
    assert_found(case)
