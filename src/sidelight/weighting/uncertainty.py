"""Uncertainty weighting in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sidelight.option_types import Count, SomeShare, checked
from sidelight.weighting.weighting import Signals


@dataclass(frozen=True)
@checked
class Uncertainty:
    """Rule w_k = start_k * fall_k / max_j fall_j, fall = first loss / running mean, j over primary and tasks.

    With a learned variance s^2 for each loss, L / (2 s^2) + log s is smallest at s^2 = L, which makes
    each weight proportional to 1 / L: this is that optimum in closed form, without learned variances.
    The scale is ours: the loss that has fallen the furthest keeps its weight, and none ever exceeds
    its start. It goes by training losses alone, and random labels that are learned by heart lower
    theirs too: with weights free to rise, a task of noise would gain some.

    Args:
        memory: Share of the past that a new loss replaces, in (0, 1].
        every: Steps between updates.

    Source: Kendall, Gal and Cipolla (CVPR 2018), eq. 7; the closed form as in Kirchdorfer et al.,
    "Analytical Uncertainty-Based Loss Weighting" (GCPR 2024), without its softmax.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Clustering(), weighting=sl.Uncertainty())
        >>> type(spec.weighting).__name__
        'Uncertainty'
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    memory: SomeShare = 0.1
    every: Count = 4

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """Return a state without any loss."""
        return {"start": dict(weights), "first": {}, "mean": {}}

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the weights by the running means."""
        first, mean = dict(state["first"]), dict(state["mean"])
        for name in ("primary", *state["start"]):
            loss = max(abs(signals.losses[name]), 1e-8)
            first.setdefault(name, loss)
            mean[name] = (1 - self.memory) * mean.get(name, loss) + self.memory * loss
        fall = {name: first[name] / value for name, value in mean.items()}
        furthest = max(fall.values())
        now = {name: start * fall[name] / furthest for name, start in state["start"].items()}
        return {"start": state["start"], "first": first, "mean": mean}, now
