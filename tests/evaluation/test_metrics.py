"""Accuracy metrics against definitions written out user by user."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from sidelight.errors import DataError, SpecError
from sidelight.evaluation import metrics
from sidelight.evaluation.metrics import METRICS, hits, score

FUNCTIONS = {
    "recall": metrics.recall,
    "precision": metrics.precision,
    "hit_rate": metrics.hit_rate,
    "mrr": metrics.mrr,
    "map": metrics.average_precision,
    "ndcg": metrics.ndcg,
}


def slow(name, ranked, relevant, k):
    """One user's metric, as a textbook would say it."""
    if not relevant:
        return math.nan
    ranks = [r for r, item in enumerate(ranked[:k], start=1) if item in relevant]
    if name == "recall":
        return len(ranks) / len(relevant)
    if name == "precision":
        return len(ranks) / k
    if name == "hit_rate":
        return float(bool(ranks))
    if name == "mrr":
        return 1 / ranks[0] if ranks else 0.0
    if name == "map":
        return sum((n + 1) / r for n, r in enumerate(ranks)) / min(len(relevant), k)
    ideal = sum(1 / math.log2(1 + r) for r in range(1, min(len(relevant), k) + 1))
    return sum(1 / math.log2(1 + r) for r in ranks) / ideal


@st.composite
def judged(draw):
    """Lists of distinct items, some short, and truths, some empty."""
    n_users, n_items, length = draw(st.integers(1, 6)), draw(st.integers(1, 30)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    items = np.full((n_users, length), -1, np.int32)
    for row in items:
        filled = int(rng.integers(0, min(length, n_items) + 1))
        row[:filled] = rng.permutation(n_items)[:filled]
    truth = sp.csr_matrix(
        rng.random((n_users, n_items)) < draw(st.sampled_from([0.0, 0.1, 0.9])), dtype=np.float32
    )
    return items, truth


@pytest.mark.parametrize("name", METRICS)
@given(case=judged())
def test_equals_the_definition(name, case):
    items, truth = case
    for k in range(1, items.shape[1] + 1):
        wanted = [
            slow(name, [i for i in row if i >= 0], set(truth[u].indices), k) for u, row in enumerate(items)
        ]
        np.testing.assert_allclose(FUNCTIONS[name](items, truth, k), wanted, rtol=1e-12)


@given(judged())
def test_metrics_stay_in_their_range_and_grow_with_k(case):
    items, truth = case
    hit, relevant = hits(items, truth)
    for name in METRICS:
        values = np.array([score(name, hit, relevant, k) for k in range(1, items.shape[1] + 1)])
        defined = values[:, relevant > 0]
        assert ((defined >= 0) & (defined <= 1)).all()
        assert np.isnan(values[:, relevant == 0]).all()
        if name in ("recall", "hit_rate", "mrr"):
            assert (np.diff(defined, axis=0) >= 0).all()


def test_a_perfect_list_scores_one_and_truth_order_does_not_matter():
    items = np.array([[3, 1, 2, 0]], np.int32)
    truth = sp.csr_matrix((np.ones(2), np.array([3, 1]), np.array([0, 2])), shape=(1, 5))
    assert not truth.has_sorted_indices
    for name in ("recall", "ndcg", "map", "mrr", "hit_rate"):
        assert FUNCTIONS[name](items, truth, 2)[0] == pytest.approx(1.0), name


def test_wrong_questions_are_refused():
    items, truth = np.array([[0, 1]], np.int32), sp.csr_matrix(np.ones((1, 3)))
    with pytest.raises(SpecError, match="did you mean 'recall'"):
        score("recal", *hits(items, truth))
    with pytest.raises(SpecError, match="k <= 2"):
        metrics.recall(items, truth, 3)
    with pytest.raises(DataError, match="truth of 1 users"):
        metrics.recall(items, sp.csr_matrix((2, 3)))
