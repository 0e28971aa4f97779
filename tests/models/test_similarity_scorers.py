"""Linear scorers against loops over the history: constant, sparse and dense weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from sidelight.data.histories import Histories
from sidelight.models.similarity_scorers import ConstantScorer, DenseSimilarityScorer, SparseSimilarityScorer

N = 7
KNOWN = np.array([0, 2, 3, 6])
RNG = np.random.default_rng(0)
WEIGHTS = (RNG.standard_normal((N, N)) * (RNG.random((N, N)) < 0.5)).astype(np.float32)
SMALL = np.zeros((N, N), dtype=np.float32)
SMALL[np.ix_(KNOWN, KNOWN)] = WEIGHTS[np.ix_(KNOWN, KNOWN)]
POPULAR = np.arange(N, dtype=np.float32)[::-1].copy()
NEW = pl.DataFrame({"item_id": ["n1", "n2"]})
LINEAR: dict[str, tuple[Any, np.ndarray]] = {
    "sparse": (SparseSimilarityScorer(sp.csr_matrix(WEIGHTS)), WEIGHTS),
    "dense": (DenseSimilarityScorer(WEIGHTS, np.arange(N), N), WEIGHTS),
    "dense, some items": (DenseSimilarityScorer(WEIGHTS[np.ix_(KNOWN, KNOWN)], KNOWN, N), SMALL),
}
linear = pytest.mark.parametrize(("scorer", "weights"), LINEAR.values(), ids=list(LINEAR))
each = pytest.mark.parametrize(
    "scorer", [ConstantScorer(POPULAR), *(s for s, _ in LINEAR.values())], ids=["constant", *LINEAR]
)
HISTORY = st.lists(st.integers(0, N - 1), unique=True)


def score(scorer: Any, *histories: list[int], n_items: int = N) -> np.ndarray:
    found: np.ndarray = scorer.score(Histories.of_lists(histories, n_items))
    return found


@linear
@given(histories=st.lists(HISTORY, min_size=1, max_size=4))
def test_a_score_is_the_sum_of_the_weights_of_the_history(
    scorer: Any, weights: np.ndarray, histories: list[list[int]]
) -> None:
    found = score(scorer, *histories)
    assert found.dtype == np.float32 and found.shape == (len(histories), N)
    for row, history in zip(found, histories, strict=True):
        np.testing.assert_allclose(row, sum((weights[i] for i in history), np.zeros(N)), atol=1e-5)


@each
@given(history=HISTORY, items=st.lists(st.integers(0, N - 1), min_size=1, max_size=4))
def test_without_an_item_the_score_is_that_of_the_shorter_history(
    scorer: Any, history: list[int], items: list[int]
) -> None:
    found = scorer.without(np.array(history, dtype=np.int64), np.array(items))
    shorter = [history, *([i for i in history if i != out] for out in history)]
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, score(scorer, *shorter)[:, items], atol=1e-5)


def test_similarity_is_the_larger_weight_of_both_directions_or_that_from_the_item() -> None:
    queries, among = np.array([3, 0]), np.array([6, 2, 3])
    for name, (scorer, weights) in LINEAR.items():
        wanted = np.maximum(weights, weights.T) if name == "sparse" else weights
        np.testing.assert_allclose(scorer.similar(queries), wanted[queries], atol=1e-6)
        np.testing.assert_allclose(scorer.similar(queries, among), wanted[np.ix_(queries, among)], atol=1e-6)


def test_popularity_is_the_same_for_every_history_and_similar_to_nothing() -> None:
    scorer = ConstantScorer(POPULAR)
    assert score(scorer, [], [1, 2]).tolist() == [POPULAR.tolist()] * 2
    items = np.array([[4, 1], [0, 0]])
    assert scorer.user_independent_scores(np.array([0, 9]), items).tolist() == POPULAR[items].tolist()
    assert scorer.similar(np.array([3]), np.array([1, 2])).tolist() == [[0.0, 0.0]]
    assert scorer.similar(np.array([3, 4])).shape == (2, N)


@linear
def test_no_history_is_no_evidence(scorer: Any, weights: np.ndarray) -> None:
    assert not score(scorer, []).any()
    assert not scorer.user_independent_scores(np.array([2]), np.array([[0, 1]])).any()


@each
def test_new_items_score_0_and_change_no_other(scorer: Any) -> None:
    grown = scorer.with_items(NEW)
    history, longer = [2, 3], [2, 3, N, N + 1]
    found = score(grown, history, longer, n_items=N + 2)
    assert not found[:, N:].any() and not scorer.supports_cold_items
    np.testing.assert_allclose(found[:, :N], np.vstack([score(scorer, history)] * 2), atol=1e-6)
    np.testing.assert_array_equal(score(scorer.with_items(NEW[:0]), history), score(scorer, history))


@each
def test_the_state_makes_an_equal_scorer(scorer: Any) -> None:
    again = type(scorer).restore(*scorer.state())
    np.testing.assert_array_equal(score(again, [0, 5], []), score(scorer, [0, 5], []))
    assert score(again.with_items(NEW), [0], n_items=N + 2).shape == (1, N + 2)
