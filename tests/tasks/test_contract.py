"""What every auxiliary task keeps. A new file in `sidelight.tasks` with `example()` is found by itself."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

import sidelight as sl  # noqa: E402
import sidelight.tasks  # noqa: E402
from sidelight import config  # noqa: E402
from sidelight.data.synthetic import planted  # noqa: E402
from sidelight.models.space import ContentSpace  # noqa: E402
from sidelight.models.two_tower import TwoTower  # noqa: E402
from sidelight.tasks.predictive import NextContent  # noqa: E402
from sidelight.tasks.regularisers import GateSparsity  # noqa: E402
from sidelight.tasks.user_columns import SensitiveRemoval  # noqa: E402
from sidelight.towers.batch import Batch  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402
from sidelight.training.options import Options  # noqa: E402

FILES = [m.name for m in pkgutil.iter_modules(sidelight.tasks.__path__) if m.name != "task"]
TASKS = [importlib.import_module(f"sidelight.tasks.{name}").example() for name in FILES]
TASKS += [NextContent(), GateSparsity(), SensitiveRemoval("gender")]
CONTENT = (sl.Text("title", min_df=1), sl.Categories("category"), sl.Tags("tags"), sl.Vector("vector"))
each = pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(planted(60, 50, 900, seed=1).data)


def made(split: sl.Split, task: Any, touched: bool | None = None, seed: int = 0) -> tuple[Any, Any, Any]:
    """Towers, loss module and batch; with `touched` only such items are drawn."""
    model = TwoTower(CONTENT, dim=6, options=Options(batch_size=16, drawn=50, empty=0.0))
    towers = model.towers(ContentSpace.fit(model.content, split.data), split)
    torch.manual_seed(seed)
    module = task.build(split, towers, seed)
    towers.train()
    batch = Batches.of(split, model.options).make(0, towers)
    if touched is not None:
        batch = replace(batch, drawn=batch.drawn[towers.touched[batch.drawn] == touched])
    return towers, module, batch


def again(batch: Batch) -> Batch:
    return replace(batch, generator=torch.Generator().manual_seed(5))


@each
def test_a_finite_scalar_that_reaches_the_towers(split: sl.Split, task: Any) -> None:
    towers, module, batch = made(split, task)
    loss = module(batch, towers)
    assert loss.shape == () and torch.isfinite(loss)
    loss.backward()
    reached = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in towers.parameters()]
    assert any(reached)


@each
def test_equal_seeds_give_equal_losses(split: sl.Split, task: Any) -> None:
    values = []
    for _ in range(2):
        towers, module, batch = made(split, task)
        values.append(float(module(again(batch), towers).detach()))
    assert values[0] == values[1]


@each
def test_only_items_that_nobody_touched(split: sl.Split, task: Any) -> None:
    towers, module, batch = made(split, task, touched=False)
    assert len(batch.drawn)
    loss = module(batch, towers)
    assert torch.isfinite(loss)
    loss.backward()


@each
def test_a_modality_that_all_drawn_items_lack(split: sl.Split, task: Any) -> None:
    towers, module, batch = made(split, task)
    hidden = replace(towers.modalities[0], present=torch.zeros_like(towers.modalities[0].present))
    towers.modalities = (hidden, *towers.modalities[1:])
    assert torch.isfinite(module(batch, towers))


@each
def test_a_step_lowers_the_loss(split: sl.Split, task: Any) -> None:
    towers, module, batch = made(split, task)
    parameters = [*towers.parameters(), *module.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    index = batch.items
    values = []
    for _ in range(25):
        fresh = replace(again(batch), vectors=towers.items(index, torch.Generator().manual_seed(1)))
        loss = module(fresh, towers)
        values.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert values[-1] < values[0]


@each
def test_popularity_changes_nothing_for_tasks_without_clicks(split: sl.Split, task: Any) -> None:
    if task.uses_clicks:
        pytest.skip("made from clicks, and says so")
    values = []
    for extra in (0, 40):
        data = split.data
        users = data.interactions.user[split.train]
        # The item of the first training event is bought again by many users.
        first = int(data.interactions.item[split.train][0])
        new = pl.DataFrame(
            {
                "user_id": data.user_ids[np.unique(users)[:extra]],
                "item_id": np.repeat(data.item_ids[first : first + 1], min(extra, len(np.unique(users)))),
                "timestamp": np.full(min(extra, len(np.unique(users))), data.interactions.timestamp.min()),
            }
        )
        old = pl.DataFrame(
            {
                "user_id": data.user_ids[data.interactions.user],
                "item_id": data.item_ids[data.interactions.item],
                "timestamp": data.interactions.timestamp,
            }
        )
        more = sl.Dataset.from_frames(pl.concat([old, new]), data.items, data.users, data.schema)
        known = sl.split.temporal(more)
        towers, module, _ = made(split, task)
        torch.manual_seed(0)
        module = task.build(known, towers, 0)
        _, _, batch = made(split, task)
        values.append(float(module(again(batch), towers).detach()))
    assert values[0] == pytest.approx(values[1], rel=1e-6)


@each
def test_it_goes_through_text(task: Any) -> None:
    assert dataclasses.is_dataclass(task)
    assert config.from_dict(config.to_dict(task)) == task
    assert isinstance(type(task).uses_clicks, bool)
    assert task.weight >= 0 and task.name


@pytest.mark.parametrize("name", FILES)
def test_no_sibling_is_imported(name: str) -> None:
    tree = ast.parse(Path(sidelight.tasks.__path__[0], f"{name}.py").read_text())
    found = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert not [m for m in found if m.startswith("sidelight.tasks.") and m != "sidelight.tasks.task"]
