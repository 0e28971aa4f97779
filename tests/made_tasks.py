"""Every auxiliary task that is shipped, found by itself, and the towers and batches to try it on."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import sidelight as sl
import sidelight.tasks
from sidelight.data.interactions import Interactions
from sidelight.models.content_space import ContentSpace
from sidelight.models.two_tower import TwoTower
from sidelight.towers.batch import Batch
from sidelight.training.batches import Batches
from sidelight.training.training_options import TrainingOptions

FILES = [m.name for m in pkgutil.iter_modules(sidelight.tasks.__path__) if m.name != "task"]
CONTENT = (sl.Text("title", min_df=1), sl.Categories("category"), sl.Tags("tags"), sl.Vector("vector"))
OPTIONS = TrainingOptions(batch_size=16, task_items=50, empty_history_rate=0.0)
NAMED = {"SensitiveRemoval": ("gender",)}  # what a class that has no default asks for


def classes(file: str) -> list[type[Any]]:
    """The tasks that one file of `sidelight.tasks` defines."""
    module = importlib.import_module(f"sidelight.tasks.{file}")
    own = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
    return [c for c in own if dataclasses.is_dataclass(c) and hasattr(c, "uses_clicks")]


def instances(file: str) -> list[Any]:
    """One of each: `example()`, and for further tasks of the file the one with its defaults."""
    example = importlib.import_module(f"sidelight.tasks.{file}").example()
    more = [c for c in classes(file) if c is not type(example)]
    return [example, *(c(*NAMED.get(c.__name__, ())) for c in more)]


TASKS = [task for file in FILES for task in instances(file)]


def towers_of(split: sl.Split, options: TrainingOptions = OPTIONS) -> Any:
    """Towers before training, over four modalities."""
    model = TwoTower(CONTENT, dim=6, options=options)
    return model.towers(ContentSpace.fit(model.content, split.data), split)


def made(split: sl.Split, task: Any, touched: bool | None = None, seed: int = 0) -> tuple[Any, Any, Any]:
    """Towers, loss module and batch; with `touched` only such items are drawn."""
    towers = towers_of(split)
    torch.manual_seed(seed)
    module = task.build(split, towers, seed)
    towers.train()
    batch = Batches.of(split, OPTIONS).make(0, towers)
    if touched is not None:
        batch = replace(batch, drawn=batch.drawn[towers.touched[batch.drawn] == touched])
    return towers, module, batch


def again(batch: Batch) -> Batch:
    """The batch with noise that starts anew."""
    return replace(batch, generator=torch.Generator().manual_seed(5))


def multiplied(split: sl.Split, times: int = 2) -> sl.Split:
    """The split in which everybody buys the item of the first training event so many times more."""
    log, n_users = split.data.interactions, split.data.n_users
    user = np.tile(np.arange(n_users, dtype=np.int32), times)
    item = np.full(len(user), log.item[split.train[0]])
    assert log.timestamp is not None
    when = np.repeat(log.timestamp.min() - np.arange(1, times + 1), n_users)
    users, items = np.concatenate([log.user, user]), np.concatenate([log.item, item])
    times_ = np.concatenate([log.timestamp, when])
    order = np.lexsort((items, times_, users))
    more = Interactions(users[order], items[order], np.ones(len(order), np.float32), times_[order])
    part = np.zeros(len(order), dtype=np.int64)
    for at, rows in enumerate((split.train, split.validation, split.sealed), 1):
        part[rows] = at
    part[len(log) :] = 1
    rows = [np.flatnonzero(part[order] == at) for at in (1, 2, 3)]
    data = replace(split.data, interactions=more)
    return replace(split, data=data, train=rows[0], validation=rows[1], sealed=rows[2])
