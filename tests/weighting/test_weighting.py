"""Signals of a step: numbers that cannot be changed, and that no rule reads without asking for them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from weighting.cases import EVERY
from weighting_signals import signals

from sidelight.weighting.weighting import Signals, Weighting

rules = pytest.mark.parametrize("rule", EVERY, ids=lambda r: type(r).__name__)


def test_signals_cannot_be_changed() -> None:
    seen = Signals(3, {"primary": 1.0}, {}, {})
    with pytest.raises(FrozenInstanceError):
        seen.step = 4  # type: ignore[misc]


def test_needs_are_named_after_signals() -> None:
    assert {"norms", "agreement"} <= {f.name for f in fields(Signals)}
    assert all(rule.needs <= {"norms", "agreement"} for rule in EVERY)


@rules
def test_a_rule_counts_the_steps_between_its_updates(rule: Weighting) -> None:
    assert isinstance(rule.every, int) and rule.every >= 1


@rules
def test_a_signal_that_a_rule_does_not_need_changes_nothing(rule: Weighting) -> None:
    rng, state = np.random.default_rng(0), rule.start({"a": 1.0, "b": 0.3})
    for step in range(6):
        seen = signals(rng, step, 0.1)
        unneeded = {name: {} for name in ("norms", "agreement") if name not in rule.needs}
        state, weights = rule.update(state, seen)
        again, same = rule.update(state, replace(seen, **unneeded))
        assert (again, same) == rule.update(state, seen) and weights.keys() == same.keys()


@pytest.mark.parametrize("need", ["norms", "agreement"])
def test_a_signal_that_a_rule_needs_changes_its_weights(need: str) -> None:
    asking = [rule for rule in EVERY if need in rule.needs]
    assert asking
    for rule in asking:
        ends = []
        for seed, mean in ((1, 0.1), (2, -0.1)):
            state = rule.start({"a": 1.0, "b": 0.3})
            rng, other = np.random.default_rng(0), np.random.default_rng(seed)
            for step in range(20):
                changed = {need: getattr(signals(other, step, mean), need)}
                state, weights = rule.update(state, replace(signals(rng, step, 0.1), **changed))
            ends.append(weights)
        assert ends[0] != ends[1]
