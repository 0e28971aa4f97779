"""Exposure of new items, calibrated."""

from __future__ import annotations

import numpy as np
import pytest
from models.cases import made_pool

from sidelight.models.blend_weights import cold_gain


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
