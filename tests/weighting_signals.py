"""Random signals of a step for the tests of weightings."""

from __future__ import annotations

import numpy as np

from sidelight.weighting.weighting import Signals


def signals(rng: np.random.Generator, step: int, mean: float = 0.0) -> Signals:
    losses = {"primary": rng.uniform(1, 9), "a": rng.uniform(0.1, 2), "b": rng.uniform(0.1, 2)}
    norms = {name: rng.uniform(0.1, 3) for name in losses}
    agreement = {name: tuple(rng.normal(mean, 0.05, 2)) for name in ("a", "b")}
    return Signals(step, losses, norms, agreement)
