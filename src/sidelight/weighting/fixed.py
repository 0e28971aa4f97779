"""Fixed loss weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sidelight.option_types import Count, checked
from sidelight.weighting.weighting import Signals


@dataclass(frozen=True)
@checked
class Fixed:
    """Constant initial weights. Tuned, they are a strong baseline for every other rule.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Clustering(), weighting=sl.Fixed())
        >>> type(spec.weighting).__name__
        'Fixed'
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    every: Count = 10

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """Return the weights as the state."""
        return {"weights": dict(weights)}

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the weights unchanged."""
        return state, dict(state["weights"])
