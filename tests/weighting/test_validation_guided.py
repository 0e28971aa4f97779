"""`ValidationGuided` against cosines of known kind."""

from __future__ import annotations

import numpy as np
from weighting_signals import signals

from sidelight.weighting.validation_guided import ValidationGuided


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
