"""Coordinate ascent from a prior: it moves with evidence, and not without."""

from __future__ import annotations

import numpy as np
import pytest

from sidelight.models.coordinate_ascent import GRID, coordinate_ascent, gain

TARGET = np.array([0.5, 1.0, 0.0])


def quality_of(n, noise, seed=0):
    """n users who agree on the optimum on average, each with an error of their own."""
    lean = np.random.default_rng(seed).normal(scale=noise, size=(n, 3))

    def quality(w):
        return 10 - ((w - TARGET) ** 2).sum() + lean @ w

    return quality


def test_with_many_users_the_optimum_is_found_from_any_prior():
    for start in ([1.0, 0.0, 0.0], [0.0, 0.0, 5.0], [1.0, 1.0, 1.0]):
        found, better = coordinate_ascent(quality_of(5000, 0.1), np.array(start), np.ones(3, dtype=bool))
        np.testing.assert_allclose(found, TARGET)
        assert better > 0


def test_with_few_noisy_users_the_prior_stays():
    start = np.array([0.5, 0.75, 0.05])
    for seed in range(20):
        found, better = coordinate_ascent(quality_of(5, 3.0, seed), start, np.ones(3, dtype=bool))
        assert better >= 0
        if np.array_equal(found, start):
            break
    else:
        pytest.fail("five noisy users moved the prior every time")


def test_no_evidence_and_ties_leave_the_prior_alone():
    start = np.array([0.2, 0.3, 0.0])
    for flat in (np.zeros(0), np.zeros(100), np.ones(100)):
        found, better = coordinate_ascent(lambda w, f=flat: f, start, np.ones(3, dtype=bool))
        np.testing.assert_array_equal(found, start)
        assert better == 0


def test_what_is_not_usable_gets_no_weight():
    found, _ = coordinate_ascent(quality_of(500, 0.1), np.ones(3), np.array([True, False, False]))
    assert found[1] == found[2] == 0


def test_alike_components_may_exchange_their_weights():
    """From the wrong one of two alike components to the right one, though each step alone is worse."""

    def quality(w):
        good = (w == np.array([0.0, 1.0])).all()
        return np.full(50, 1.0 if good else 0.5 if (w == np.array([1.0, 0.0])).all() else 0.0)

    found, _ = coordinate_ascent(quality, np.array([1.0, 0.0]), np.ones(2, dtype=bool), ("a", "a"), GRID)
    np.testing.assert_array_equal(found, [0.0, 1.0])


def test_a_gain_is_what_is_left_after_its_standard_error():
    a, b = np.array([1.0, 2.0, 4.0, 5.0]), np.array([1.0, 1.0, 2.0, 4.0])
    d = a - b
    assert gain(a, b) == pytest.approx(d.mean() - d.std(ddof=1) / 2)
    assert gain(a[:1], b[:1]) == -np.inf
