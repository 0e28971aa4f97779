"""`Fixed`: the weights that were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sidelight.option_types import Count, checked
from sidelight.weighting.weighting import Signals


@dataclass(frozen=True)
@checked
class Fixed:
    """The weights that were given. With tuned weights a strong rival of every other rule."""

    needs: ClassVar[frozenset[str]] = frozenset()
    every: Count = 10

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """The weights themselves."""
        return {"weights": dict(weights)}

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """No change."""
        return state, dict(state["weights"])
