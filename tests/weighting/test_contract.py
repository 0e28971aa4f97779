"""Contract of weightings: pure, JSON-able, finite."""

from __future__ import annotations

import copy
import importlib
import json
import pkgutil
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from weighting_signals import signals

import sidelight.weighting
from sidelight import config
from sidelight.errors import SpecError
from sidelight.weighting.fixed import Fixed
from sidelight.weighting.norm_balance import NormBalance
from sidelight.weighting.uncertainty import Uncertainty
from sidelight.weighting.validation_guided import ValidationGuided


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


@pytest.mark.parametrize("rule", EVERY, ids=lambda r: type(r).__name__)
def test_a_rule_is_pure_and_its_state_survives_json(rule: Any) -> None:
    rng = np.random.default_rng(0)
    state = rule.start({"a": 1.0, "b": 0.3})
    for step in range(30):
        seen, before = signals(rng, step), copy.deepcopy(state)
        first = rule.update(state, seen)
        assert state == before
        assert rule.update(json.loads(json.dumps(state)), seen) == first
        state, weights = first
        assert set(weights) == {"a", "b"}
        assert all(np.isfinite(w) and w >= 0 for w in weights.values())


def test_every_rule_that_is_shipped_is_here() -> None:
    assert {Fixed, Uncertainty, NormBalance, ValidationGuided} <= set(KINDS)


@pytest.mark.parametrize("rule", EVERY, ids=lambda r: type(r).__name__)
def test_a_weight_of_zero_stays_zero(rule: Any) -> None:
    rng, state = np.random.default_rng(0), rule.start({"a": 0.0, "b": 0.3})
    for step in range(10):
        state, weights = rule.update(state, signals(rng, step, 0.1))
        assert weights["a"] == 0


@pytest.mark.parametrize("rule", EVERY, ids=lambda r: type(r).__name__)
def test_a_rule_is_a_spec(rule: Any) -> None:
    assert config.from_dict(config.to_dict(rule)) == rule
    with pytest.raises(SpecError, match="no option"):
        config.from_dict({**config.to_dict(rule), "nonsense": 1})
