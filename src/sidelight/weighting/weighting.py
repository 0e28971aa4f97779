"""`Weighting`: the protocol of rules for loss weights, and the signals they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Signals:
    """Signals of one step as numbers; a rule never sees a gradient or a tensor.

    Args:
        step: Step of the run, from 0.
        losses: Unweighted losses by name, "primary" and each task.
        norms: Gradient norms on the shared parameters, of "primary" and of each task; {} unless
            the rule needs "norms".
        agreement: For each task the cosine of its gradient with that of the validation loss, one
            number per side (warm, cold); {} unless the rule needs "agreement".
    """

    step: int
    losses: Mapping[str, float]
    norms: Mapping[str, float]
    agreement: Mapping[str, tuple[float, ...]]


class Weighting(Protocol):
    """Spec of a rule for loss weights: a frozen dataclass of options, pure."""

    @property
    def needs(self) -> frozenset[str]:
        """Signals to measure: "norms", "agreement", both or none."""
        ...

    @property
    def every(self) -> int:
        """Steps between updates, >= 1."""
        ...

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """Return the state before the first update, JSON-able, for the initial weights by task."""
        ...

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the next state, and the next weight of each task, >= 0."""
        ...
