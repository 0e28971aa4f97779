"""A small split and small towers for the contract tests of towers and training."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.models.content_space import ContentSpace

CONTENT = (sl.Text("title", min_df=1), sl.Categories("category"), sl.Vector("vector"))
OPTIONS = sl.TrainingOptions(epochs=2, batch_size=32, min_steps=3, task_items=20, lr=1e-2)


@cache
def small_split() -> sl.Split:
    """80 users and 60 items, split by time."""
    return sl.split.temporal(make_synthetic(80, 60, 900, seed=3).data)


def small_towers(**options: Any) -> Any:
    """Towers before training, with ids and a default vector that are not zero."""
    split = small_split()
    model = sl.TwoTower(CONTENT, dim=8, options=OPTIONS, **options)
    towers = model.towers(ContentSpace.fit(CONTENT, split.data), split)
    with torch.no_grad():
        noise = torch.Generator().manual_seed(1)
        for value in (towers.ids.ids, towers.default):
            value.copy_(0.3 * torch.randn(value.shape, generator=noise))
    return towers
