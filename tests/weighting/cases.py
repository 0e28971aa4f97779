"""Cases that several test files of this folder share: every rule that is shipped, and one from outside."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any, ClassVar

import sidelight.weighting


@dataclass(frozen=True)
class Decay:
    """A weighting from outside the package: weights fall with every update."""

    needs: ClassVar[frozenset[str]] = frozenset()
    every: int = 2
    rate: float = 0.9

    def start(self, weights: Any) -> dict[str, Any]:
        return {"now": dict(weights)}

    def update(self, state: dict[str, Any], signals: Any) -> tuple[dict[str, Any], dict[str, float]]:
        now = {name: self.rate * weight for name, weight in state["now"].items()}
        return {"now": now}, now


FILES = [m.name for m in pkgutil.iter_modules(sidelight.weighting.__path__) if m.name != "weighting"]
MODULES = [importlib.import_module(f"sidelight.weighting.{name}") for name in FILES]
KINDS = [v for m in MODULES for v in vars(m).values() if isinstance(v, type) and v.__module__ == m.__name__]
EVERY = [*(kind() for kind in KINDS), Decay()]
