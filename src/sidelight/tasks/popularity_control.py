"""Harmful control: predict the popularity of an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.option_types import Label, NonNegative, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class PopularityTask:
    """Squared error of log(1 + training users) read off an item's vector by a linear map.

    The target is scaled to mean 0 and variance 1 over the catalogue. It looks like side information
    and is none: it is derived from clicks, and marks every new item as unwanted. A
    comparison should find what this does to new items.

    Args:
        weight: Loss weight to start from.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.PopularityTask())
        >>> [task.name for task in spec.tasks]
        ['popularity']
    """

    weight: NonNegative = 0.5
    name: Label = "popularity"
    uses_clicks: ClassVar[bool] = True

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return the scaled logarithms, and the map."""
        count = np.log1p(split.fitting().getnnz(axis=0))
        target = (count - count.mean()) / max(float(count.std()), 1e-6)
        return _Popularity(torch.as_tensor(target, dtype=torch.float32), towers.dim)


class _Popularity(nn.Module):
    target: Tensor

    def __init__(self, target: Tensor, dim: int) -> None:
        super().__init__()
        self.register_buffer("target", target, persistent=False)
        self.head = nn.Linear(dim, 1)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Mean squared error over the drawn items."""
        if not len(batch.drawn):
            return self.head.bias.sum() * 0.0
        guess = self.head(towers.items(batch.drawn, batch.generator))[:, 0]
        loss: Tensor = (guess - self.target[batch.drawn]).square().mean()
        return loss


def example() -> PopularityTask:
    """Return an example for the shared contract tests."""
    return PopularityTask()
