"""Contract of weightings: pure, JSON-able, finite."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from weighting.cases import EVERY, KINDS
from weighting_signals import signals

from sidelight import config
from sidelight.errors import SpecError
from sidelight.weighting.fixed import Fixed
from sidelight.weighting.norm_balance import NormBalance
from sidelight.weighting.uncertainty import Uncertainty
from sidelight.weighting.validation_guided import ValidationGuided


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
