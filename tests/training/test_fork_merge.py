"""`ForkMerge`: its branches, and the greedy search of their shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sidelight import config
from sidelight.errors import SpecError
from sidelight.training.branch_training import effective
from sidelight.training.fork_merge import ForkMerge


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


def test_it_goes_through_text_and_was_a_weighting_once() -> None:
    rule = ForkMerge(2, (0.5,), 0.1, "both", 0.3)
    assert config.from_dict(config.to_dict(rule)) == rule
    model = {"use": "TwoTower", "content": [{"use": "Text", "columns": ["title"]}]}
    former = {"use": "sidelight.weighting.fork_merge:ForkMerge", "epochs": 2}
    assert config.from_dict({**model, "weighting": former}).schedule == ForkMerge(epochs=2)
