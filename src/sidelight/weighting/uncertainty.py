"""`Uncertainty`: every task is scaled by how large its loss is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sidelight.errors import SpecError, complain
from sidelight.weighting.weighting import Signals


@dataclass(frozen=True)
class Uncertainty:
    """w_k = start_k / running mean of the loss of task k, over the same for its first losses.

    With a learned variance s_k^2 the loss L / (2 s^2) + log s is smallest at s^2 = L, which makes the
    weight proportional to 1 / L: this is that optimum in closed form, without learned variances.

    Args:
        memory: Share of the past that a new loss replaces, in (0, 1].
        ceiling: Largest weight as a multiple of the start.
        every: Steps between updates.

    Source: Kendall, Gal and Cipolla (CVPR 2018), eq. 7; the closed form as in Kirchdorfer et al.,
    "Analytical Uncertainty-Based Loss Weighting" (GCPR 2024), without its softmax.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    memory: float = 0.1
    ceiling: float = 5.0
    every: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.memory <= 1 or self.ceiling < 1 or self.every < 1:
            expected = "memory in (0, 1], ceiling >= 1, every >= 1"
            raise SpecError(complain(expected, repr(self), "Uncertainty"))

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """No loss seen yet."""
        return {"start": dict(weights), "first": {}, "mean": {}}

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """Weights against the running means."""
        first, mean, now = dict(state["first"]), dict(state["mean"]), {}
        for name, start in state["start"].items():
            loss = max(abs(signals.losses[name]), 1e-8)
            first.setdefault(name, loss)
            mean[name] = (1 - self.memory) * mean.get(name, loss) + self.memory * loss
            now[name] = start * min(first[name] / mean[name], self.ceiling)
        return {"start": state["start"], "first": first, "mean": mean}, now
