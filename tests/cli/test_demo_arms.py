"""Arms of the demo: they differ as their names say, and the best is chosen on validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cli.commands import installed

from sidelight.cli import demo_arms
from sidelight.evaluation.result import Evaluation
from sidelight.experiment.comparison import Comparison
from sidelight.models.blend import Blend
from sidelight.models.two_tower import TwoTower


@installed
def test_the_arms_differ_in_what_they_are_named_after(demo_run: tuple[Path, str]) -> None:
    arms = Comparison.load(demo_run[0] / demo_arms.FOLDER).arms
    closed, primary, augmented = (
        arms[name] for name in (demo_arms.CLOSED, demo_arms.PRIMARY, demo_arms.AUGMENTED)
    )
    assert isinstance(closed, Blend) and isinstance(primary.components[-1], TwoTower)
    assert primary.components[:-1] == augmented.components[:-1] == closed.components
    twin = augmented.components[-1]
    assert twin.tasks and not primary.components[-1].tasks
    plain = twin.with_tasks(weighting=primary.components[-1].weighting)
    assert plain == primary.components[-1]


def fixed(values: np.ndarray) -> Evaluation:
    """An evaluation with a given figure for each user."""
    figures, users = {"overall": {demo_arms.METRIC: values}}, {"overall": np.arange(len(values))}
    return Evaluation("validation", (20,), users, figures, {}, np.empty((0, 20), np.int32), 0, {})


def test_a_larger_blend_is_served_only_where_it_is_clearly_better() -> None:
    rng = np.random.default_rng(0)
    base, noise = rng.random(400), 0.2 * rng.standard_normal((2, 400))
    noise -= noise.mean(axis=1, keepdims=True)

    def chosen(primary: float, augmented: float) -> str:
        shifts = (0.0, primary, augmented)
        rows = (base + shift + each for shift, each in zip(shifts, (0 * base, *noise), strict=True))
        arms = (demo_arms.CLOSED, demo_arms.PRIMARY, demo_arms.AUGMENTED)
        evaluations = dict(zip(arms, map(fixed, rows), strict=True))
        return demo_arms.Measured(None, {}, evaluations).best  # type: ignore[arg-type]

    assert chosen(0.01, 0.01) == demo_arms.CLOSED  # half a standard error or so
    assert chosen(0.1, 0.11) == demo_arms.PRIMARY
    assert chosen(0.01, 0.1) == demo_arms.AUGMENTED
    assert chosen(-0.1, -0.1) == demo_arms.CLOSED
