"""`Fixed` returns the initial weights."""

from __future__ import annotations

import numpy as np
from weighting_signals import signals

from sidelight.weighting.fixed import Fixed


def test_weights_never_move() -> None:
    rule, rng = Fixed(), np.random.default_rng(0)
    state = rule.start({"a": 1.0, "b": 0.3})
    for step in range(5):
        state, weights = rule.update(state, signals(rng, step, 0.5))
        assert weights == {"a": 1.0, "b": 0.3}
