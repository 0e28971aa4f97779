"""`Uncertainty` against its formula, and its bounds."""

from __future__ import annotations

import numpy as np
import pytest

from sidelight.weighting.uncertainty import Uncertainty
from sidelight.weighting.weighting import Signals


def test_uncertainty_keeps_the_ratio_of_inverse_losses() -> None:
    rule = Uncertainty(memory=1.0)
    first = {"primary": 8.0, "a": 2.0, "b": 3.0}
    state, weights = rule.update(rule.start({"a": 0.5, "b": 1.0}), Signals(0, first, {}, {}))
    assert weights == {"a": 0.5, "b": 1.0}
    now = {"primary": 6.0, "a": 0.5, "b": 1.5}
    _, weights = rule.update(state, Signals(4, now, {}, {}))
    assert weights == pytest.approx({"a": 0.5, "b": 0.5})  # falls of 4 and 2


@pytest.mark.parametrize("seed", range(10))
def test_uncertainty_never_raises_a_weight_and_lowers_what_does_not_fall(seed: int) -> None:
    rng, rule = np.random.default_rng(seed), Uncertainty()
    state, before = rule.start({"a": 2.0, "b": 0.3}), {"a": 2.0, "b": 0.3}
    for step in range(60):
        found = {"primary": 8 * 0.99**step, "a": 3.5 + 0.01 * rng.random(), "b": rng.uniform(0, 2)}
        state, weights = rule.update(state, Signals(step, found, {}, {}))
        assert weights["a"] <= 2.0 and weights["b"] <= 0.3
    assert weights["a"] < 0.8 * before["a"]
