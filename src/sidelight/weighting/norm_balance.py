"""Balance of gradient norms between tasks and the primary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sidelight.option_types import Count, Multiple, Share, SomeShare, checked
from sidelight.weighting.weighting import Signals


@dataclass(frozen=True)
@checked
class NormBalance:
    """Rule w_k = start_k * (strength * N_primary / N_k + 1 - strength), N running means of gradient norms.

    Args:
        strength: 0 leaves the weights, 1 gives every task the primary's norm times its start.
        memory: Share of the past that a new norm replaces, in (0, 1].
        ceiling: Largest weight as a multiple of the start.
        every: Steps between updates.

    Source: MetaBalance, He et al. (WWW 2022), eq. 3 and 6; ours balances once in `every` steps on
    the shared parameters together, not layer by layer.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Clustering(), weighting=sl.NormBalance())
        >>> type(spec.weighting).__name__
        'NormBalance'
    """

    needs: ClassVar[frozenset[str]] = frozenset({"norms"})
    strength: Share = 0.7
    memory: SomeShare = 0.1
    ceiling: Multiple = 20.0
    every: Count = 4

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """Return a state without any norm."""
        return {"start": dict(weights), "norms": {}}

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the weights that bring the norms together."""
        old = state["norms"]
        norms = {n: (1 - self.memory) * old.get(n, v) + self.memory * v for n, v in signals.norms.items()}
        now = {}
        for name, start in state["start"].items():
            ratio = norms["primary"] / norms[name] if norms[name] > 0 else 1.0
            now[name] = start * min(self.strength * ratio + 1 - self.strength, self.ceiling)
        return {"start": state["start"], "norms": norms}, now
