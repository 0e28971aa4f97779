"""Intervals over users and seeds: they cover what was planted, and agree with the formula."""

from __future__ import annotations

import numpy as np
import pytest

from sidelight.errors import DataError, SpecError
from sidelight.evaluation.statistics import bootstrap_interval
from sidelight.experiment.bootstrap import crossed_intervals


def drawn(rng, seeds, users, mean=0.1, of_seed=0.0, of_user=0.3, noise=0.1):
    """x[s, u] = mean + effect of the seed + effect of the user + noise."""
    effects = of_seed * rng.standard_normal((seeds, 1)) + of_user * rng.standard_normal((1, users))
    return mean + effects + noise * rng.standard_normal((seeds, users))


def test_the_interval_covers_a_planted_difference_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        [found] = crossed_intervals(drawn(rng, 10, 60, of_seed=0.04)[None], n=400)
        covered += found.low <= 0.1 <= found.high
    assert 178 <= covered <= 199  # 190 expected, standard deviation 3


@pytest.mark.parametrize("of_seed", [0.0, 0.1])
def test_its_width_is_near_the_analytic_one(of_seed):
    values = drawn(np.random.default_rng(1), 8, 300, of_seed=of_seed)
    [found] = crossed_intervals(values[None], n=8000)
    by_user, by_seed = values.mean(axis=0).var() / 300, values.mean(axis=1).var() / 8
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(by_user + by_seed), rel=0.08)
    assert found.mean == pytest.approx(values.mean())
    assert found.n_users == 300


def test_counts_give_what_taking_rows_and_columns_gives():
    """The slow reference: take the drawn seeds and users out of the matrix, and the mean of that."""
    values = drawn(np.random.default_rng(2), 4, 50, of_seed=0.2)
    rng = np.random.default_rng(3)
    means = [values[np.ix_(rng.integers(0, 4, 4), rng.integers(0, 50, 50))].mean() for _ in range(20_000)]
    [found] = crossed_intervals(values[None], n=20_000)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.006)


def test_with_one_seed_it_is_the_bootstrap_over_users():
    values = drawn(np.random.default_rng(4), 1, 200)
    [found] = crossed_intervals(values[None], n=20_000)
    users = bootstrap_interval(values[0], n=20_000)
    assert (found.low, found.high) == pytest.approx((users.low, users.high), abs=0.003)
    [repeated] = crossed_intervals(np.repeat(values, 5, axis=0)[None], n=20_000)
    assert (repeated.low, repeated.high) == pytest.approx((found.low, found.high))


def test_seeds_that_disagree_widen_it():
    rng = np.random.default_rng(5)
    calm, wild = drawn(rng, 5, 400), drawn(rng, 5, 400, of_seed=0.3)
    narrow, wide = crossed_intervals(np.stack([calm, wild]))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_columns_share_their_draws_and_repeat_by_seed():
    values = drawn(np.random.default_rng(6), 3, 40)
    one, two = crossed_intervals(np.stack([values, values + 1]), n=500)
    assert two.low == pytest.approx(one.low + 1)
    assert crossed_intervals(values[None], n=500) == crossed_intervals(values[None], n=500)
    assert crossed_intervals(values[None], n=500, seed=1)[0].low != one.low


def test_wrong_values_are_refused():
    with pytest.raises(DataError, match="finite values"):
        crossed_intervals(np.full((1, 2, 3), np.nan))
    with pytest.raises(DataError, match="shape"):
        crossed_intervals(np.empty((1, 2, 0)))
    with pytest.raises(SpecError, match="resamples"):
        crossed_intervals(np.ones((1, 2, 3)), n=10)
