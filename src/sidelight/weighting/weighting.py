"""`Signals` and `Weighting`: what a rule may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Signals:
    """Numbers about one step; a rule never sees a gradient or a tensor.

    Args:
        step: Of the run, from 0.
        losses: Of "primary" and of each task, unweighted.
        norms: Gradient norms on the shared parameters, of "primary" and of each task; {} unless
            the rule needs "norms".
        agreement: For each task the cosine of its gradient with that of the validation loss, one
            number a side (warm, cold); {} unless the rule needs "agreement".
    """

    step: int
    losses: Mapping[str, float]
    norms: Mapping[str, float]
    agreement: Mapping[str, tuple[float, ...]]


class Weighting(Protocol):
    """A frozen dataclass of options; pure: equal inputs give equal answers."""

    @property
    def needs(self) -> frozenset[str]:
        """Signals it wants measured: of "norms" and "agreement"."""
        ...

    @property
    def every(self) -> int:
        """Steps between updates, >= 1."""
        ...

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """The state before the first update, JSON-able, for the starting weights by task."""
        ...

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """The next state, and the next weight of each task, >= 0."""
        ...
