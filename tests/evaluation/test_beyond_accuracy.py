"""What lists do besides being right, against slow definitions."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from evaluation.cases import shown
from hypothesis import given
from hypothesis import strategies as st

from sidelight.content.features import Features
from sidelight.errors import DataError
from sidelight.evaluation import beyond_accuracy


def mean(values):
    found = [v for v in values if not math.isnan(v)]
    return sum(found) / len(found) if found else math.nan


@st.composite
def listed(draw):
    n_users, n_items, length = draw(st.integers(1, 6)), draw(st.integers(1, 20)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    items = np.full((n_users, length), -1, np.int32)
    for row in items:
        filled = int(rng.integers(0, min(length, n_items) + 1))
        row[:filled] = rng.permutation(n_items)[:filled]
    histories = sp.csr_matrix(rng.random((n_users, n_items)) < 0.2, dtype=np.float32)
    return items, histories, rng


@given(listed())
def test_coverage_exposure_and_gini(case):
    items, histories, rng = case
    n = histories.shape[1]
    candidates = rng.random(n) < 0.7
    flat = [i for row in items for i in shown(row)]
    wanted = sum(candidates[i] for i in set(flat)) / candidates.sum() if candidates.any() else math.nan
    assert beyond_accuracy.coverage(items, candidates) == pytest.approx(wanted, nan_ok=True)
    amounts = np.zeros(n)
    for row in items:
        for rank, item in enumerate(shown(row), start=1):
            amounts[item] += 1 / math.log2(1 + rank)
    np.testing.assert_allclose(beyond_accuracy.exposure(items, n), amounts)
    np.testing.assert_array_equal(
        beyond_accuracy.exposure(items, n, weighted=False), np.bincount(flat, minlength=n)
    )
    total = amounts.sum()
    if total:  # mean absolute difference over twice the mean
        gini = sum(abs(a - b) for a in amounts for b in amounts) / (2 * n * total)
        assert beyond_accuracy.gini(amounts) == pytest.approx(gini)
        groups = {"even": np.arange(n) % 2 == 0, "all": np.ones(n, bool)}
        shares = beyond_accuracy.group_exposure(amounts, groups)
        assert shares["all"] == pytest.approx(1) and shares["even"] == pytest.approx(
            amounts[::2].sum() / total
        )
    else:
        assert math.isnan(beyond_accuracy.gini(amounts))


@given(listed())
def test_novelty_popularity_and_shares(case):
    items, histories, rng = case
    n_users, n = histories.shape
    counts = histories.getnnz(axis=0)
    bits = [-math.log2((c or 0.5) / n_users) for c in counts]
    information = beyond_accuracy.self_information(counts, n_users)
    np.testing.assert_allclose(information, bits)
    wanted = [mean([bits[i] for i in shown(row)]) for row in items]
    np.testing.assert_allclose(beyond_accuracy.novelty(items, information), wanted)
    group = rng.random(n) < 0.4
    wanted = [mean([float(group[i]) for i in shown(row)]) for row in items]
    np.testing.assert_allclose(beyond_accuracy.share_in_lists(items, group), wanted)
    wanted = [mean([float(group[i]) for i in histories[u].indices]) for u in range(n_users)]
    np.testing.assert_allclose(beyond_accuracy.share_in_truth(histories, group), wanted)
    own = [mean([float(counts[i]) for i in histories[u].indices]) for u in range(n_users)]
    given_ = [mean([float(counts[i]) for i in shown(row)]) for row in items]
    both = [(a, b) for a, b in zip(given_, own, strict=True) if not math.isnan(a + b)]
    lift = sum(a for a, _ in both) / sum(b for _, b in both) - 1 if both else math.nan
    assert beyond_accuracy.popularity_lift(items, histories, counts) == pytest.approx(lift, nan_ok=True)


@given(listed(), st.booleans())
def test_diversity_is_one_minus_the_mean_cosine_of_pairs(case, sparse):
    items, histories, rng = case
    n = histories.shape[1]
    values = rng.standard_normal((n, 4)).astype(np.float32) * (rng.random((n, 4)) < 0.7)
    present = rng.random(n) < 0.8
    values[~present] = 0
    features = Features("made", sp.csr_matrix(values) if sparse else values, present)
    wanted = []
    for row in items:
        pairs = list(combinations([i for i in shown(row) if present[i]], 2))
        cosines = []
        for a, b in pairs:
            lengths = np.linalg.norm(values[a]) * np.linalg.norm(values[b])
            cosines.append(float(values[a] @ values[b] / lengths) if lengths else 0.0)
        wanted.append(1 - mean(cosines) if pairs else math.nan)
    np.testing.assert_allclose(beyond_accuracy.intra_list_diversity(items, features), wanted, atol=1e-5)
    half = (items.shape[1] + 1) // 2
    first, whole = beyond_accuracy.diversity_at(items, features, (half, items.shape[1]))
    np.testing.assert_allclose(
        first, beyond_accuracy.intra_list_diversity(items[:, :half], features), atol=1e-5
    )
    np.testing.assert_allclose(whole, wanted, atol=1e-5)


@given(listed())
def test_miscalibration_is_the_divergence_of_category_shares(case):
    items, histories, rng = case
    n_users, n = histories.shape
    values = ((rng.random((n, 3)) < 0.4) * rng.integers(1, 4, (n, 3))).astype(np.float32)
    features = Features("made", sp.csr_matrix(values), np.ones(n, bool))

    def distribution(chosen):
        rows = [values[i] / values[i].sum() for i in chosen if values[i].sum()]
        return np.mean(rows, axis=0) if rows else None

    wanted = []
    for u in range(n_users):
        p, q = distribution(histories[u].indices), distribution(shown(items[u]))
        if p is None or q is None:
            wanted.append(math.nan)
            continue
        mixed = 0.99 * q + 0.01 * p
        wanted.append(sum(a * math.log2(a / b) for a, b in zip(p, mixed, strict=True) if a > 0))
    np.testing.assert_allclose(beyond_accuracy.miscalibration(items, histories, features), wanted, atol=1e-6)


def test_a_list_like_the_history_is_calibrated():
    categories = Features("made", np.eye(4, dtype=np.float32)[[0, 1, 0, 1]], np.ones(4, bool))
    histories = sp.csr_matrix(np.array([[1.0, 1, 0, 0]]))
    assert beyond_accuracy.miscalibration(np.array([[2, 3]], np.int32), histories, categories)[
        0
    ] == pytest.approx(0)
    assert beyond_accuracy.miscalibration(np.array([[2]], np.int32), histories, categories)[0] > 0.5
    negative = Features("made", -categories.values, categories.present)
    with pytest.raises(DataError, match="non-negative"):
        beyond_accuracy.miscalibration(np.array([[2]], np.int32), histories, negative)


def test_calibration_error_of_honest_and_of_boastful_probabilities():
    rng = np.random.default_rng(1)
    probability = rng.random(40_000)
    came = rng.random(40_000) < probability
    assert beyond_accuracy.calibration_error(probability, came) < 0.02
    assert beyond_accuracy.calibration_error(np.full(40_000, 1.0), came) == pytest.approx(0.5, abs=0.01)
    with pytest.raises(DataError, match="probabilities"):
        beyond_accuracy.calibration_error(np.array([1.5]), np.array([True]))
