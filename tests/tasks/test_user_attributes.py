"""Tasks on user columns and what a model is told of users: one takes it out, one must not read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
from sidelight.models.content_space import ContentSpace  # noqa: E402
from sidelight.tasks.user_attributes import SensitiveRemoval, UserAttribute, explained  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.training_options import TrainingOptions  # noqa: E402

OPTIONS = TrainingOptions(batch_size=60, task_items=10)


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
