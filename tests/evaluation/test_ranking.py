"""Top-k against a full sort, with ties, masks and too few candidates."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from sidelight.errors import DataError, SpecError
from sidelight.evaluation.ranking import merge, tie_breakers, top_k


def slow(scores, k, excluded=None, candidates=None):
    """Sort every row by (-score, index) and read off the first k."""
    items = np.full((len(scores), k), -1)
    values = np.full((len(scores), k), -np.inf)
    for u, row in enumerate(scores):
        allowed = [
            i
            for i in range(len(row))
            if row[i] > -np.inf
            and (candidates is None or candidates[i])
            and (excluded is None or excluded[u, i] == 0)
        ]
        for rank, i in enumerate(sorted(allowed, key=lambda i: (-row[i], i))[:k]):
            items[u, rank], values[u, rank] = i, row[i]
    return items, values


@st.composite
def cases(draw):
    n_rows, n_items = draw(st.integers(1, 6)), draw(st.integers(1, 1500))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from([1, 2, 5, 40, 10**6]))  # few levels: many ties
    scores = rng.integers(-levels, levels, (n_rows, n_items)).astype(np.float32) / 7
    if draw(st.booleans()):  # most scores are 0, as of a model that knows few items of each user
        scores *= rng.random(scores.shape) < 0.02
    scores[rng.random(scores.shape) < draw(st.sampled_from([0.0, 0.3, 0.99]))] = -np.inf
    scores[rng.random(scores.shape) < 0.05] = -0.0
    k = draw(st.sampled_from([1, 2, 10, 30, 300]))
    excluded = candidates = None
    if draw(st.booleans()):
        share = draw(st.sampled_from([0.1, 0.9, 1.0]))
        excluded = sp.csr_matrix(rng.random(scores.shape) < share, dtype=np.float32)
    if draw(st.booleans()):
        candidates = rng.random(n_items) < draw(st.sampled_from([0.05, 0.5, 0.9]))
    return scores, k, excluded, candidates


@given(cases())
def test_equals_a_full_sort(case):
    scores, k, excluded, candidates = case
    before = scores.copy()
    items, values = top_k(scores, k, excluded, candidates)
    wanted, wanted_values = slow(scores, k, None if excluded is None else excluded.toarray(), candidates)
    np.testing.assert_array_equal(items, wanted)
    np.testing.assert_array_equal(values, wanted_values)
    np.testing.assert_array_equal(scores, before)
    assert items.dtype == np.int32 and values.dtype == np.float32


@given(cases())
def test_merged_parts_equal_the_whole(case):
    scores, k, excluded, candidates = case
    candidates = np.ones(scores.shape[1], bool) if candidates is None else candidates
    first = np.arange(scores.shape[1]) % 3 == 0
    parts = [top_k(scores, k, excluded, candidates & side) for side in (first, ~first)]
    items, values = merge(parts, k)
    wanted, wanted_values = top_k(scores, k, excluded, candidates)
    np.testing.assert_array_equal(items, wanted)
    np.testing.assert_array_equal(values, wanted_values)


def test_several_buffers_and_a_read_only_block():
    rng = np.random.default_rng(3)
    scores = np.broadcast_to(rng.standard_normal(5000, dtype=np.float32), (150, 5000))
    excluded = sp.random(150, 5000, 0.01, format="csr", random_state=rng)
    items, values = top_k(scores, 20, excluded)
    wanted, wanted_values = slow(scores, 20, excluded.toarray())
    np.testing.assert_array_equal(items, wanted)
    np.testing.assert_array_equal(values, wanted_values.astype(np.float32))


def test_no_rows_no_candidates():
    assert top_k(np.empty((0, 7), np.float32), 3)[0].shape == (0, 3)
    items, values = top_k(np.ones((2, 7), np.float32), 3, candidates=np.zeros(7, bool))
    assert (items == -1).all() and (values == -np.inf).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_scores_are_refused_with_their_row(bad):
    scores = np.zeros((300, 2000), np.float32)
    scores[251, 1234] = bad
    with pytest.raises(DataError, match="row 251"):
        top_k(scores, 5)


def test_wrong_shapes_are_refused():
    scores = np.zeros((2, 3), np.float32)
    with pytest.raises(SpecError, match="k >= 1"):
        top_k(scores, 0)
    with pytest.raises(DataError, match="float32"):
        top_k(scores.astype(np.float64), 1)
    with pytest.raises(DataError, match="excluded"):
        top_k(scores, 1, sp.csr_matrix((3, 3)))
    with pytest.raises(DataError, match="candidate"):
        top_k(scores, 1, candidates=np.ones(4, bool))


def test_tie_breakers_order_zeros_only_and_not_by_index():
    n = 3000
    jitter = tie_breakers(n)
    assert len(np.unique(jitter)) == n
    score = np.zeros((1, n), dtype=np.float32)
    score[0, 17], score[0, 5] = 1e-6, -1e-6
    items, _ = top_k(score, n, jitter=jitter)
    assert items[0, 0] == 17 and items[0, -1] == 5
    rest = items[0, 1:-1]
    assert abs(np.corrcoef(np.arange(len(rest)), rest)[0, 1]) < 0.1
    assert np.array_equal(jitter, tie_breakers(n))


@pytest.mark.parametrize("share", [1.0, 0.9, 0.1])
def test_jitter_is_added_whichever_way_candidates_are_taken(share):
    rng = np.random.default_rng(1)
    score = rng.integers(-1, 2, (5, 200)).astype(np.float32)
    candidates, jitter = rng.random(200) < share, tie_breakers(200)
    items, _ = top_k(score, 15, candidates=candidates, jitter=jitter)
    again, _ = top_k(score + jitter, 15, candidates=candidates)
    assert np.array_equal(items, again)
