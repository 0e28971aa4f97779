"""Every rule: pure, JSON-able, finite; and the steered one against cosines of known kind."""

from __future__ import annotations

import copy
import importlib
import json
import pkgutil
from typing import Any

import numpy as np
import pytest

import sidelight.weighting
from sidelight import config
from sidelight.errors import SpecError
from sidelight.weighting.fixed import Fixed
from sidelight.weighting.fork_merge import ForkMerge, effective
from sidelight.weighting.norm_balance import NormBalance
from sidelight.weighting.uncertainty import Uncertainty
from sidelight.weighting.validation_guided import ValidationGuided
from sidelight.weighting.weighting import Signals

FILES = [m.name for m in pkgutil.iter_modules(sidelight.weighting.__path__) if m.name != "weighting"]
MODULES = [importlib.import_module(f"sidelight.weighting.{name}") for name in FILES]
KINDS = [v for m in MODULES for v in vars(m).values() if isinstance(v, type) and v.__module__ == m.__name__]
EVERY = [kind() for kind in KINDS]
RULES = [rule for rule in EVERY if not isinstance(rule, ForkMerge)]  # which trains in branches


def signals(rng: np.random.Generator, step: int, mean: float = 0.0) -> Signals:
    losses = {"primary": rng.uniform(1, 9), "a": rng.uniform(0.1, 2), "b": rng.uniform(0.1, 2)}
    norms = {name: rng.uniform(0.1, 3) for name in losses}
    agreement = {name: tuple(rng.normal(mean, 0.05, 2)) for name in ("a", "b")}
    return Signals(step, losses, norms, agreement)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
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
    assert {Fixed, Uncertainty, NormBalance, ValidationGuided, ForkMerge} <= set(KINDS)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: type(r).__name__)
def test_a_weight_of_zero_stays_zero(rule: Any) -> None:
    rng, state = np.random.default_rng(0), rule.start({"a": 0.0, "b": 0.3})
    for step in range(10):
        state, weights = rule.update(state, signals(rng, step, 0.1))
        assert weights["a"] == 0


@pytest.mark.parametrize(
    "rule", [*EVERY, ForkMerge(2, (0.5,), 0.1, "both", 0.3)], ids=lambda r: type(r).__name__
)
def test_a_rule_is_a_spec(rule: Any) -> None:
    assert config.from_dict(config.to_dict(rule)) == rule
    with pytest.raises(SpecError, match="no option"):
        config.from_dict({**config.to_dict(rule), "nonsense": 1})


def ended(mean: float, seed: int, updates: int = 60) -> float:
    rule, rng = ValidationGuided(), np.random.default_rng(seed)
    state = rule.start({"a": 1.0, "b": 0.0})
    weights = {"a": 1.0}
    for step in range(updates):
        state, weights = rule.update(state, signals(rng, step, mean))
    return weights["a"]


def test_noise_is_steered_to_nothing() -> None:
    assert np.mean([ended(0.0, seed) < 0.05 for seed in range(200)]) >= 0.9


def test_help_is_kept_and_harm_is_switched_off() -> None:
    assert np.mean([ended(0.03, seed) >= 1.0 for seed in range(100)]) >= 0.95
    assert np.mean([ended(-0.03, seed) == 0.0 for seed in range(100)]) == 1.0


def test_on_trial_a_task_has_no_say_before_it_has_shown_that_it_helps() -> None:
    def path(mean: float, trial: bool) -> list[float]:
        rule, rng = ValidationGuided(trial=trial), np.random.default_rng(0)
        state, found = rule.start({"a": 1.0, "b": 0.0}), []
        for step in range(30):
            state, weights = rule.update(state, signals(rng, step, mean))
            found.append(weights["a"])
        return found

    help_, harm = path(0.1, True), path(-0.1, True)
    assert help_[:2] == [0.0, 0.0] and help_[2:] == path(0.1, False)[2:]
    assert harm[:2] == [0.0, 0.0] and max(harm) < 0.2 < max(path(-0.1, False)[2:])


def test_norm_balance_meets_the_norm_of_the_primary() -> None:
    rule = NormBalance(strength=1.0)
    seen = Signals(0, {}, {"primary": 3.0, "a": 0.5, "b": 6.0}, {})
    _, weights = rule.update(rule.start({"a": 1.0, "b": 0.5}), seen)
    assert weights == pytest.approx({"a": 6.0, "b": 0.25})


def test_uncertainty_keeps_the_ratio_of_inverse_losses() -> None:
    rule = Uncertainty(memory=1.0)
    first = {"primary": 8.0, "a": 2.0, "b": 3.0}
    state, weights = rule.update(rule.start({"a": 0.5, "b": 1.0}), Signals(0, first, {}, {}))
    assert weights == {"a": 0.5, "b": 1.0}
    now = {"primary": 6.0, "a": 0.5, "b": 1.5}
    _, weights = rule.update(state, Signals(4, now, {}, {}))
    assert weights == pytest.approx({"a": 0.5, "b": 0.5})  # falls of 4 and 2


@pytest.mark.parametrize("seed", range(10))
def test_uncertainty_never_raises_a_weight_and_lowers_what_does_not_fall(seed: int) -> None:
    rng, rule = np.random.default_rng(seed), Uncertainty()
    state, before = rule.start({"a": 2.0, "b": 0.3}), {"a": 2.0, "b": 0.3}
    for step in range(60):
        found = {"primary": 8 * 0.99**step, "a": 3.5 + 0.01 * rng.random(), "b": rng.uniform(0, 2)}
        state, weights = rule.update(state, Signals(step, found, {}, {}))
        assert weights["a"] <= 2.0 and weights["b"] <= 0.3
    assert weights["a"] < 0.8 * before["a"]


def test_branches_are_the_primary_and_what_is_tried_beside_it() -> None:
    weights = {"a": 1.0, "b": 0.3}
    assert ForkMerge().forks(weights) == {
        "primary": {"a": 0.0, "b": 0.0},
        "+ a": {"a": 1.0, "b": 0.0},
        "+ b": {"a": 0.0, "b": 0.3},
    }
    assert list(ForkMerge(branches="all").forks(weights)) == ["primary", "+ all"]
    assert list(ForkMerge(branches="both").forks(weights)) == ["primary", "+ a", "+ b", "+ all"]
    # A branch that is another one again would be trained for nothing.
    assert list(ForkMerge(branches="both").forks({"a": 1.0, "b": 0.0})) == ["primary", "+ a"]
    assert list(ForkMerge().forks({})) == ["primary"]
    assert effective(ForkMerge().forks(weights), [0.5, 0.25, 0.25]) == {"a": 0.25, "b": 0.075}


def sure(one: Any, two: Any) -> float:
    """No noise at all."""
    return 0.0


@pytest.mark.parametrize("seed", range(20))
def test_the_best_of_all_that_was_tried_is_taken(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alone, tried = list(rng.uniform(0, 1, 4)), {}

    def judge(shares: Any) -> float:
        assert min(shares) >= 0 and sum(shares) == pytest.approx(1)
        return tried.setdefault(tuple(shares), float(rng.uniform(0, 1.2)))

    rule = ForkMerge()
    shares = rule.shares(alone, judge, sure)
    assert len(tried) == 3 * len(rule.grid)
    assert tried.get(tuple(shares), max(alone)) == max(*alone, *tried.values())


def test_what_does_not_beat_the_primary_gets_nothing() -> None:
    assert ForkMerge().shares([0.5, 0.5, 0.4], lambda shares: 0.5, sure) == [1, 0, 0]
    assert ForkMerge().shares([0.5, 0.52, 0.4], lambda shares: 0.5, sure) == [0, 1, 0]
    assert ForkMerge(margin=0.05).shares([0.5, 0.52, 0.4], lambda shares: 0.524, sure) == [1, 0, 0]
    assert ForkMerge(margin=0.05).shares([0.5, 0.52, 0.4], lambda shares: 0.526, sure) == [0.75, 0.25, 0]
    assert ForkMerge().shares([0.5], lambda shares: 1.0, sure) == [1]


@pytest.mark.parametrize(("level", "z"), [(0.05, 2.4977), (0.5, 1.5341), (1.0, 0.0)])
def test_a_lead_within_noise_is_not_taken(level: float, z: float) -> None:
    # Two tasks and three shares are eight mixtures beside the primary: z is the quantile of 1 - level / 8.
    def found(error: float) -> list[float]:
        return ForkMerge(level=level).shares([0.5, 0.52, 0.4], lambda shares: 0.5, lambda one, two: error)

    if z == 0:
        assert found(99.0) == [0, 1, 0]
    else:
        assert found(0.02 / (1.001 * z)) == [0, 1, 0]
        assert found(0.02 / (0.999 * z)) == [1, 0, 0]


def test_noise_does_not_ride_on_a_branch_that_helps() -> None:
    """The second branch is a clear gain; with a share of the third the signal is up by chance alone."""

    def judge(shares: Any) -> float:
        return (0.6 if shares[1] >= 0.75 else 0.5) + (0.006 if shares[2] == 0.25 else 0.0)

    assert ForkMerge().shares([0.5, 0.6, 0.4], judge, lambda one, two: 0.01) == [0, 1, 0]
    assert ForkMerge(level=1.0).shares([0.5, 0.6, 0.4], judge, lambda one, two: 0.01) == [0, 0.75, 0.25]


def test_noise_rarely_gets_a_share() -> None:
    """Users' figures of five equal branches, drawn by dice: one round in twenty takes any, at most."""
    rng, taken = np.random.default_rng(0), 0
    for _ in range(400):
        users = rng.normal(0.1, 0.02, (5, 300))

        def values(shares: Any, users: Any = users) -> Any:
            return np.asarray(shares) @ users

        def error(one: Any, two: Any, values: Any = values) -> float:
            return float((values(one) - values(two)).std() / 300**0.5)

        alone = list(users.mean(axis=1))
        judge = lambda shares, values=values: float(values(shares).mean())  # noqa: E731
        taken += ForkMerge().shares(alone, judge, error)[0] != 1
    assert taken <= 0.05 * 400


@pytest.mark.parametrize(
    "options", [{"epochs": 0}, {"grid": ()}, {"grid": (1.0,)}, {"margin": -1.0}, {"level": 0.0}]
)
def test_fork_merge_refuses_what_makes_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=f"option {next(iter(options))!r} of ForkMerge"):
        ForkMerge(**options)
    with pytest.raises(SpecError, match="'each' or 'all' or 'both'"):
        ForkMerge(branches="none")
