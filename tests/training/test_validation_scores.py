"""Training never looks at the sealed part, whatever the protocol masks when the model is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.training import loop  # noqa: E402
from sidelight.training.fork_merge import ForkMerge  # noqa: E402
from sidelight.training.gradient_signals import ValidationGradient  # noqa: E402
from sidelight.training.training_options import TrainingOptions  # noqa: E402
from sidelight.training.validation_scores import validation_part  # noqa: E402
from sidelight.weighting.fixed import Fixed  # noqa: E402


@pytest.fixture(scope="module")
def split() -> sl.Split:
    """The protocol of the splits that mask a user's positives of the other parts."""
    found = sl.split.random_per_user(make_synthetic(80, 60, 1500, seed=3).data, validation=0.15, test=0.15)
    return replace(found, mask="others")


def others(split: sl.Split) -> list[sl.Split]:
    """The same training and validation beside other sealed events."""
    nothing, half = split.sealed[:0], split.sealed[::2]
    return [replace(split, sealed=rows) for rows in (nothing, half, split.validation)]


@pytest.mark.parametrize("users", [10, 2000])
def test_validation_masks_the_history_alone(split: sl.Split, users: int) -> None:
    whole = validation_part(split, users, 0)
    assert len(np.unique(split.data.interactions.user[whole.validation])) <= users
    assert (whole.excluded() != split.histories().matrix()).nnz == 0
    for other in others(split):
        part = validation_part(other, users, 0)
        assert (part.excluded() != whole.excluded()).nnz == 0
        assert (part.truth() != whole.truth()).nnz == 0


def test_steering_looks_at_validation_alone(split: sl.Split) -> None:
    wanted = ValidationGradient.of(split, 0)
    assert len(wanted.event)
    for other in others(split):
        found = ValidationGradient.of(other, 0)
        assert found.event.tolist() == wanted.event.tolist()
        for (_, a), (_, b) in zip(found.sides, wanted.sides, strict=True):
            assert (a != b).nnz == 0


@pytest.mark.parametrize("users", [20, 2000])
@pytest.mark.parametrize("rule", [Fixed(), ForkMerge()], ids=["plain", "branches"])
def test_other_sealed_events_give_the_same_training(split: sl.Split, rule: Any, users: int) -> None:
    options = TrainingOptions(
        epochs=2, batch_size=32, min_steps=4, task_items=20, lr=1e-2, validation_users=users
    )
    names = [c.name for c in split.data.schema.items if c.role == "text"]
    spec = sl.TwoTower((sl.Text(*names, min_df=1),), (sl.Reconstruction(),), dim=8, options=options)
    space = ContentSpace.fit(spec.content, split.data)

    def run(of: sl.Split) -> tuple[Any, Any]:
        towers = spec.towers(space, of)
        training = loop.Training(towers, of, spec.tasks, options=options)
        if isinstance(rule, ForkMerge):
            return rule.run(training).trace["epochs"], towers.state_dict()
        state = loop.train(replace(training, weighting=rule))
        return state.trace["epochs"], towers.state_dict()

    epochs, weights = run(split)
    for other in others(split):
        found = run(other)
        assert found[0] == epochs
        assert all(torch.equal(found[1][name], weights[name]) for name in weights)
