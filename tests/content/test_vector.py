"""Stored vectors: wrong lengths and holes name their row."""

from __future__ import annotations

import polars as pl
import pytest

import sidelight as sl
from sidelight.errors import DataError


def test_vectors_are_read_as_they_are() -> None:
    items = pl.DataFrame({"v": [[1.0, 2.0], None, [3.0, 4.0]]})
    found = sl.Vector("v").fit(items).transform(items)
    assert found.values.tolist() == [[1, 2], [0, 0], [3, 4]]
    assert found.present.tolist() == [True, False, True]


@pytest.mark.parametrize("bad", [[1.0], [1.0, None], [1.0, float("nan")]])
def test_a_row_that_does_not_fit_is_named(bad: list[float]) -> None:
    encoder = sl.Vector("v").fit(pl.DataFrame({"v": [[1.0, 2.0]]}))
    with pytest.raises(DataError, match="row 2"):
        encoder.transform(pl.DataFrame({"v": [[1.0, 2.0], bad]}))
