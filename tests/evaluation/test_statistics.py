"""Intervals and tests on simulated data whose truth is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.errors import DataError, SpecError
from sidelight.evaluation.statistics import (
    bootstrap_interval,
    holm,
    interval_bounds,
    paired_bootstrap,
    sign_flip_test,
)

RUNS, USERS = 300, 80


def skewed(rng, size):
    """Values like recall: many zeros, a long tail; mean 0.16."""
    return np.where(rng.random(size) < 0.6, 0.0, rng.beta(1, 1.5, size))


def test_intervals_cover_the_true_mean_about_as_often_as_they_say():
    rng = np.random.default_rng(11)
    covered = 0
    for run in range(RUNS):
        found = bootstrap_interval(skewed(rng, USERS), n=400, level=0.9, seed=run)
        covered += found.low <= 0.16 <= found.high
    assert 0.85 <= covered / RUNS <= 0.95  # nominal 0.9; standard error .017


def test_paired_intervals_use_the_pairing():
    rng = np.random.default_rng(12)
    common = rng.random(USERS)
    a, b = common + rng.normal(0.02, 0.03, USERS), common
    paired = paired_bootstrap(a, b)
    assert paired.excludes_zero and paired.mean == pytest.approx((a - b).mean())
    shuffled = paired_bootstrap(a, rng.permutation(b))
    assert shuffled.high - shuffled.low > 3 * (paired.high - paired.low)


def test_an_interval_is_that_of_the_normal_approximation_for_many_users():
    values = np.random.default_rng(1).normal(3, 2, 4_000)
    found = bootstrap_interval(values, n=4_000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert found.low == pytest.approx(values.mean() - half, abs=0.08 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.08 * half)


def test_columns_with_gaps_are_bootstrapped_over_the_users_they_have():
    values = np.random.default_rng(2).random((300, 3))
    values[200:, 1] = np.nan
    values[:, 2] = np.nan
    bounds = interval_bounds(values, n=3_000)
    alone = bootstrap_interval(values[:200, 1], n=3_000)
    assert bounds[1] == pytest.approx((alone.low, alone.high), abs=0.006)
    assert np.isnan(bounds[2]).all()
    assert bounds[0] == pytest.approx(interval_bounds(values[:, :1], n=3_000)[0], rel=1e-12)


def test_resampling_in_parts_gives_every_resample(monkeypatch):
    values = np.random.default_rng(3).random(500)
    whole = bootstrap_interval(values, n=1_000)
    monkeypatch.setattr("sidelight.evaluation.statistics.CELLS", 500 * 7)
    parts = bootstrap_interval(values, n=1_000)
    # The same draws, seven at a time.
    assert (whole.low, whole.high) == pytest.approx((parts.low, parts.high), rel=1e-12)


def test_sign_flips_reject_a_true_null_about_as_often_as_they_say():
    rng = np.random.default_rng(13)
    rejected = 0
    for run in range(RUNS):
        difference = skewed(rng, USERS) - skewed(rng, USERS)
        rejected += sign_flip_test(difference, n=300, seed=run) <= 0.1
    assert 0.05 <= rejected / RUNS <= 0.15  # nominal 0.1; standard error .017


def test_skewed_differences_of_mean_zero_fool_wilcoxon_but_not_the_mean():
    """Model a is often a little worse and sometimes much better; the means are equal."""
    from scipy.stats import wilcoxon

    rng = np.random.default_rng(15)
    runs, rejected = 100, {"flips": 0, "bootstrap": 0, "wilcoxon": 0}
    for run in range(runs):
        difference = rng.choice([0.0, -0.05, 0.15], p=[0.6, 0.3, 0.1], size=2_000)
        rejected["flips"] += sign_flip_test(difference, n=200, seed=run) <= 0.1
        rejected["bootstrap"] += bootstrap_interval(difference, n=200, level=0.9, seed=run).excludes_zero
        rejected["wilcoxon"] += wilcoxon(difference).pvalue <= 0.1
    assert rejected["flips"] <= 20 and rejected["bootstrap"] <= 20  # nominal 10; standard error 3
    assert rejected["wilcoxon"] >= 80


def test_sign_flips_find_a_real_difference():
    rng = np.random.default_rng(14)
    assert sign_flip_test(rng.normal(0.5, 1, 200), n=2_000) < 0.01
    assert sign_flip_test(np.ones(500), n=999) == 1 / 1000  # as small as 999 patterns can tell
    assert sign_flip_test(np.zeros(10)) == 1.0


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
def test_sign_flips_approach_all_sign_patterns(values):
    difference = np.array(values, float)
    sums = [abs(np.dot(signs, difference)) for signs in product([-1, 1], repeat=len(values))]
    exact = np.mean([s >= abs(difference.sum()) for s in sums])
    assert sign_flip_test(difference, n=4_000) == pytest.approx(exact, abs=0.04)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_equals_its_step_down_rule(ps):
    adjusted = holm(ps)
    for at, p in enumerate(ps):
        # Rejected at level alpha: every smaller p-value passed its own, stricter, limit.
        steps = [min(1.0, (len(ps) - rank) * q) for rank, q in enumerate(sorted(ps)) if q <= p]
        first = sorted(ps).index(p)
        assert adjusted[at] == pytest.approx(max(steps[: first + 1]))
    assert (adjusted >= np.array(ps)).all()


def test_equal_seeds_agree_and_wrong_input_is_refused():
    values = np.random.default_rng(4).random(50)
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)
    for bad in ([], [[1.0]], [np.nan, 1.0]):
        with pytest.raises(DataError):
            bootstrap_interval(bad)
    with pytest.raises(DataError, match="same users"):
        paired_bootstrap([1.0, 2.0], [1.0])
    with pytest.raises(SpecError, match="n >= 100"):
        bootstrap_interval(values, n=10)
    with pytest.raises(SpecError, match="n >= 100"):
        sign_flip_test(values, n=10)
    with pytest.raises(SpecError, match="level"):
        bootstrap_interval(values, level=1.0)
    with pytest.raises(DataError, match="p-values"):
        holm([0.5, 1.5])
