"""Tasks on user columns and what a model is told of users: one takes it out, one must not read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tasks.cases import Made, array, assert_formula, softmax, unit  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.tasks.user_attributes import SensitiveRemoval, UserAttribute, explained  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.training_options import TrainingOptions  # noqa: E402

OPTIONS = TrainingOptions(batch_size=60, task_items=10)


def told(made: Made, column: str) -> list[tuple[Any, Any]]:
    """History and value of the users of the step who have both."""
    values = made.split.data.users[column].to_list()
    own = zip(made.batch.history, [values[user] for user in made.batch.users.tolist()], strict=True)
    return [(row, value) for row, value in own if (row >= 0).any() and value is not None]


def user_attribute(made: Made) -> float:
    names, found = sorted(set(made.split.data.users["plan"]) - {None}), []
    for row, plan in told(made, "plan"):
        vector = array(made.towers.users(made.batch.vectors, row[None]))[0]
        logits = array(made.module.head.weight) @ vector + array(made.module.head.bias)
        found.append(-np.log(softmax(logits)[names.index(plan)]))
    return float(np.mean(found))


def test_the_loss_of_user_attribute_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.UserAttribute("plan"), user_attribute)


def sensitive_removal(made: Made) -> float:
    names = sorted(set(made.split.data.users["gender"]) - {None})
    vectors, known = made.towers.items(made.batch.items), told(made, "gender")
    rows = [unit(array(made.towers.users(vectors, row[None])))[0] for row, _ in known]
    values = [[float(gender == name) for name in names] for _, gender in known]
    u, y = np.array(rows) - np.mean(rows, axis=0), np.array(values) - np.mean(values, axis=0)
    ridge = u.shape[1] / len(u) * (u**2).sum() / u.shape[1]
    design = np.vstack([u, np.sqrt(ridge) * np.eye(u.shape[1])])
    fitted = u @ np.linalg.lstsq(design, np.vstack([y, np.zeros((u.shape[1], y.shape[1]))]), rcond=None)[0]
    return float((fitted * y).sum() / (y**2).sum())


def test_the_loss_of_sensitive_removal_is_the_formula(split: sl.Split) -> None:
    assert_formula(split, sl.SensitiveRemoval("gender"), sensitive_removal)


def made(split: sl.Split, task: Any, *users: str) -> tuple[Any, Any, Any]:
    """Towers that look at user columns, the loss module, and a batch without dropout."""
    content = (sl.Text("title", min_df=1),)
    options = {"options": OPTIONS, "sensitive": True}
    spec = sl.TwoTower(content, dim=6, users=tuple(map(sl.Categories, users)), **options)
    towers = spec.towers(ContentSpace.fit(content, split.data), split).eval()
    torch.manual_seed(0)
    module = task.build(split, towers, 0)
    with torch.no_grad():
        for table in towers.user_maps:
            table.copy_(torch.randn(table.shape, generator=torch.Generator().manual_seed(1)))
    return towers, module, Batches.of(split, OPTIONS).make(0, towers)


def value(loss: Any) -> float:
    return float(loss.detach())


def test_removal_takes_a_trace_out_of_the_attributes_as_well(split: sl.Split) -> None:
    towers, module, batch = made(split, SensitiveRemoval("gender"), "gender")
    before = module(batch, towers)
    assert value(before) > 3 * value(module(replace(batch, side_vectors=None), towers))
    before.backward()
    assert float(towers.user_maps[0].grad.abs().sum()) > 0
    optimizer = torch.optim.Adam(towers.user_maps, lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        batch = replace(batch, side_vectors=towers.side_vectors(batch.users), vectors=batch.vectors.detach())
        loss = module(batch, towers)
        loss.backward()
        optimizer.step()
    assert value(loss) < 0.1 * value(before)


def test_removal_looks_at_the_vectors_that_rank_not_at_those_with_dropout(split: sl.Split) -> None:
    towers, module, batch = made(split, SensitiveRemoval("gender"))
    plain = value(module(batch, towers))
    towers.train()
    noisy = Batches.of(split, OPTIONS).make(0, towers)
    assert not torch.equal(noisy.vectors, batch.vectors)
    assert value(module(noisy, towers)) == pytest.approx(plain)
    assert towers.training and towers.user_encoder.training


def test_removal_is_a_share_of_variance(split: sl.Split) -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 5, generator=rng)
    y = torch.nn.functional.one_hot((x[:, 0] > 0).long()).float()
    # A step function of a normal variable: a line explains 2 / pi of its variance.
    assert float(explained(x, y)) == pytest.approx(2 / torch.pi, abs=0.02)
    assert float(explained(100 * x, y)) == pytest.approx(float(explained(x, y)), rel=1e-4)
    assert float(explained(x[:, 1:], y)) < 0.005
    assert float(explained(y, y)) == pytest.approx(1, abs=0.01)
    assert float(explained(x, torch.ones(4000, 1))) == 0 == float(explained(x * 0, y))


def test_removal_sees_users_without_a_history_where_attributes_tell_them_apart(split: sl.Split) -> None:
    towers, module, batch = made(split, SensitiveRemoval("gender"), "gender")
    empty = replace(batch, history=torch.full_like(batch.history, -1))
    assert value(module(empty, towers)) > 0
    assert value(module(replace(empty, side_vectors=None), towers)) == 0


def test_a_predicted_column_is_never_read_from_the_inputs(split: sl.Split) -> None:
    towers, module, batch = made(split, UserAttribute("plan"), "plan", "region")
    loss = module(batch, towers)
    assert value(loss) == value(module(replace(batch, side_vectors=None), towers))
    loss.backward()
    assert all(table.grad is None for table in towers.user_maps)
