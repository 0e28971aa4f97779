"""Categories and tags as columns of labels."""

from __future__ import annotations

import polars as pl

import sidelight as sl


def test_one_column_per_label_and_missing_rows_are_absent() -> None:
    items = pl.DataFrame({"brand": ["Acme", None, "Zip", "Acme"]})
    found = sl.Categories("brand").fit(items).transform(items)
    assert found.names == ("brand=Acme", "brand=Zip")
    assert found.present.tolist() == [True, False, True, True]
    assert (found.values.toarray() > 0).tolist() == [
        [True, False],
        [False, False],
        [False, True],
        [True, False],
    ]
