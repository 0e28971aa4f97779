"""Buckets and column groups: everybody is somewhere, and where they should be."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from sidelight.evaluation.slices import LARGEST_GROUPS, buckets, column_groups, restrict


@given(st.lists(st.integers(0, 200), min_size=1))
def test_buckets_hold_everybody_once(counts):
    counts = np.array(counts)
    found = buckets(counts)
    assert (np.sum([mask for _, mask in found], axis=0) == 1).all()
    for name, mask in found:
        low, _, high = name.rstrip("+").partition("-")
        assert (counts[mask] >= int(low)).all()
        if not name.endswith("+"):
            assert (counts[mask] <= int(high or low)).all()
    assert [name for name, _ in found] == ["0", "1-4", "5-9", "10-49", "50+"]


def test_values_tags_and_missing():
    found = dict(column_groups(pl.Series(["b", None, "a", "b"])))
    assert list(found) == ["b", "a", "missing"]
    assert found["b"].tolist() == [True, False, False, True]
    assert found["missing"].tolist() == [False, True, False, False]
    tags = dict(column_groups(pl.Series([["x", "y", "x"], [], None, ["y"]])))
    assert tags["x"].tolist() == [True, False, False, False]
    assert tags["y"].tolist() == [True, False, False, True]
    assert tags["missing"].tolist() == [False, True, True, False]


def test_a_long_tail_of_values_is_other_and_nobody_is_lost():
    found = dict(column_groups(pl.Series([f"v{n:02d}" for n in range(30)] + ["v07"])))
    assert len(found) == LARGEST_GROUPS + 2 and next(iter(found)) == "v07"
    assert found["other"].sum() == 30 - LARGEST_GROUPS
    assert (np.sum(list(found.values()), axis=0) == 1).all()


@given(st.lists(st.one_of(st.none(), st.floats(-5, 5), st.just(float("nan"))), min_size=1))
def test_quartiles_hold_everybody_once(values):
    found = column_groups(pl.Series(values, dtype=pl.Float64))
    assert (np.sum([mask for _, mask in found], axis=0) == 1).all()
    known = [v for v in values if v is not None and not np.isnan(v)]
    assert dict(found)["missing"].sum() == len(values) - len(known)
    tops = [
        max(v for v, here in zip(values, mask, strict=True) if here)
        for name, mask in found
        if name != "missing"
    ]
    assert tops == sorted(tops)


def test_quartiles_are_even_and_named_by_their_ends():
    found = dict(column_groups(pl.Series(range(8))))
    assert list(found) == ["0..1", "2..3", "4..5", "6..7", "missing"]
    days = pl.Series([datetime(2026, 1, d, tzinfo=UTC) for d in (1, 2, 3, 4)])
    names = [name for name, mask in column_groups(days) if mask.any()]
    assert len(names) == 4 and names[0].startswith("2026-01-01")
    assert list(dict(column_groups(pl.Series([3, 3, 3])))) == ["3", "missing"]


def test_restrict_keeps_rows_and_columns():
    matrix = sp.random(20, 15, 0.3, format="csr", random_state=np.random.default_rng(0))
    items = np.arange(15) % 2 == 0
    found = restrict(matrix, items)
    np.testing.assert_array_equal(found.toarray(), matrix.toarray() * items)
    assert found.has_sorted_indices and found.nnz == (matrix.toarray() * items != 0).sum()


def test_booleans_are_groups_not_numbers():
    found = dict(column_groups(pl.Series([True, False, None])))
    assert found["true"].tolist() == [True, False, False]
    assert found["missing"].tolist() == [False, False, True]


@pytest.mark.parametrize(
    "values", [pl.Series([None, None], dtype=pl.Float64), pl.Series([None, None], dtype=pl.String)]
)
def test_nothing_known_is_all_missing(values):
    found = {name: mask for name, mask in column_groups(values) if mask.any()}
    assert list(found) == ["missing"]
