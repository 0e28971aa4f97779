"""Cases that several test files of this folder share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import sidelight as sl
from sidelight.models.content_space import ContentSpace

torch = pytest.importorskip("torch")

CONTENT = (sl.Text("title", min_df=1),)


Towers = Any


OPTIONS = sl.TrainingOptions(
    epochs=6, batch_size=64, min_steps=4, task_items=20, lr=1e-2, empty_history_rate=0.0
)


def first_clicks(split: sl.Split) -> sl.Split:
    """One training event a user, no validation: the others are the test."""
    user = split.data.interactions.user
    _, first = np.unique(user[split.train], return_index=True)
    train = np.sort(split.train[first])
    rest = np.setdiff1d(np.arange(len(user)), train)
    cold = np.bincount(split.data.interactions.item[train], minlength=split.data.n_items) == 0
    return replace(split, train=train, validation=split.validation[:0], sealed=rest, cold=cold)


def noisy_towers(split: sl.Split) -> Towers:
    """Return untrained towers whose id vectors and default vector are not zero."""
    towers = sl.TwoTower(CONTENT, dim=8).towers(ContentSpace.fit(CONTENT, split.data), split)
    with torch.no_grad():
        noise = torch.Generator().manual_seed(1)
        for value in (towers.ids.ids, towers.default):
            value.copy_(0.3 * torch.randn(value.shape, generator=noise))
    return towers
