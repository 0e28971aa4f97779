"""Loss weights steered by the gradient of the validation loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sidelight.option_types import (
    Count,
    Multiple,
    NonNegative,
    PartShare,
    Positive,
    Share,
    SomeShare,
    checked,
)
from sidelight.weighting.weighting import Signals

ENOUGH = 2.5  # effective number of cosines from which on there is evidence


@dataclass(frozen=True)
@checked
class ValidationGuided:
    """Rule that raises a task's weight while its gradient lowers the validation loss, else lowers it.

    To first order a step along task k's gradient lowers the validation loss in proportion to their
    inner product. A weight is best where that product is 0; a task of noise has 0 at every weight.
    So a cosine has to be above a small `margin`, and evidence for that is gathered: with the running
    mean m and variance v of the cosines (mean of the warm and the cold side) over an effective n of
    them, z = (m - margin) / sqrt(v / n), and

        w <- w * exp(eta * tanh(z / 2)), at most ceiling * start.

    A helpful task climbs until its cosine has come down to the margin; one of noise falls, and below
    `floor` of its start it is switched off for good.

    Args:
        eta: Size of a step, > 0.
        margin: Cosine that a task has to show to keep its weight, in [0, 1).
        memory: Share of the past that a new cosine replaces, in (0, 1].
        cold: Weight of the cold side beside the warm one, in [0, 1].
        ceiling: Largest weight as a multiple of the start, >= 1.
        floor: Share of the start below which a weight becomes 0.
        every: Steps between updates.
        trial: Use min(1, 1 + tanh(z / 2)) of the weight, and nothing before there is evidence. What a
            useless task does to the first steps is not undone by switching it off later.

    Source: Sign of the gradients' inner product as in Du et al., "Adapting Auxiliary Losses Using
    Gradient Similarity" (2018), with validation in place of the main task; exponentiated gradient
    (Kivinen and Warmuth 1997). Margin and evidence are ours.

    Examples:
        >>> import sidelight as sl
        >>> plain = sl.TwoTower((sl.Text("title"),))
        >>> spec = plain.with_tasks(sl.Clustering(), weighting=sl.ValidationGuided())
        >>> type(spec.weighting).__name__
        'ValidationGuided'
    """

    needs: ClassVar[frozenset[str]] = frozenset({"agreement"})
    eta: Positive = 0.3
    margin: PartShare = 0.01
    memory: SomeShare = 0.1
    cold: Share = 0.5
    ceiling: Multiple = 2.0
    floor: NonNegative = 0.02
    every: Count = 4
    trial: bool = True

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """Return a state without evidence."""
        blank = {"n": 0.0, "mean": 0.0, "square": 0.0}
        return {"start": dict(weights), "now": dict(weights), "seen": {name: dict(blank) for name in weights}}

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """Take one exponentiated-gradient step for each task that is still on."""
        now, seen, given = {}, {}, {}
        for name, first in state["start"].items():
            sides = signals.agreement.get(name, ())
            weight, evidence = state["now"][name], state["seen"][name]
            if sides and weight > 0:
                evidence = self._gathered(evidence, self._cosine(sides))
                weight *= math.exp(self.eta * math.tanh(_z(evidence, self.margin) / 2))
                weight = min(weight, self.ceiling * first)
                weight = 0.0 if weight < self.floor * first else weight
            now[name], seen[name] = weight, evidence
            given[name] = weight * self._trust(evidence)
        return {"start": state["start"], "now": now, "seen": seen}, given

    def _trust(self, evidence: Mapping[str, float]) -> float:
        """Return the share of the weight that is used."""
        if not self.trial:
            return 1.0
        known = evidence["n"] >= ENOUGH
        return min(1.0, 1.0 + math.tanh(_z(evidence, self.margin) / 2)) if known else 0.0

    def _cosine(self, sides: tuple[float, ...]) -> float:
        if len(sides) == 1:
            return sides[0]
        return (1 - self.cold) * sides[0] + self.cold * sides[1]

    def _gathered(self, evidence: Mapping[str, float], value: float) -> dict[str, float]:
        """Exponential running sums; n is the effective number of values."""
        stay = 1 - self.memory
        return {
            "n": stay * evidence["n"] + 1,
            "mean": stay * evidence["mean"] + value,
            "square": stay * evidence["square"] + value * value,
        }


def _z(evidence: Mapping[str, float], margin: float) -> float:
    """Mean above the margin, over its standard error; 0 before there are three values."""
    n = evidence["n"]
    if n < ENOUGH:
        return 0.0
    mean = evidence["mean"] / n
    variance = max(evidence["square"] / n - mean * mean, 1e-12) * n / (n - 1)
    return (mean - margin) / math.sqrt(variance / n)
