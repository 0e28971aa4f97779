"""Exposure of new items, calibrated."""

from __future__ import annotations

import numpy as np
import pytest

from sidelight.models.blend_candidates import BlendCandidates
from sidelight.models.blend_weights import cold_gain


def made_pool(cold_scale=0.01):
    rng = np.random.default_rng(0)
    n, width = 50, 60
    items = np.tile(np.arange(width, dtype=np.int32), (n, 1))
    cold = items < 20
    scores = rng.random((n, width)).astype(np.float32) * np.where(cold, cold_scale, 1.0).astype(np.float32)
    relevant = rng.random((n, width)) < 0.1
    sides = (relevant & cold).sum(axis=1), (relevant & ~cold).sum(axis=1)
    counts = np.array([*sides, sides[0] + sides[1]], dtype=np.float64)
    return BlendCandidates(
        scores[None], items, relevant, np.where(cold, 0, 1), counts, np.ones(n, dtype=bool)
    )


@pytest.mark.parametrize("target", [0.0, 0.1, 0.2, 0.4])
def test_the_gain_of_cold_items_is_raised_until_they_have_their_places_and_no_further(target):
    """Cold items score a hundredth of warm ones here: left alone they would get no place."""
    pool, ones = made_pool(), np.ones((2, 1))
    assert pool.cold_slots(pool.values[0], 20) < 0.01
    gain = cold_gain(pool, ones, np.ones(2), 20, target, lower=False)
    shown = pool.cold_slots((np.where(pool.cold, gain, 1.0) * pool.values[0]).astype(np.float32), 20)
    assert target <= shown < target + 0.03


def test_no_more_than_half_of_the_cold_items_are_put_on_top():
    pool, ones = made_pool(), np.ones((2, 1))
    gain = cold_gain(pool, ones, np.ones(2), 20, 0.9, lower=False)
    shown = pool.cold_slots((np.where(pool.cold, gain, 1.0) * pool.values[0]).astype(np.float32), 20)
    assert 0.45 < shown < 0.55


def test_a_gain_is_lowered_only_on_request():
    pool, ones = made_pool(cold_scale=10.0), np.ones((2, 1))
    assert cold_gain(pool, ones, np.ones(2), 20, 0.2, lower=False) == 1.0
    gain = cold_gain(pool, ones, np.ones(2), 20, 0.2, lower=True)
    shown = pool.cold_slots((np.where(pool.cold, gain, 1.0) * pool.values[0]).astype(np.float32), 20)
    assert 0.2 <= shown < 0.25
