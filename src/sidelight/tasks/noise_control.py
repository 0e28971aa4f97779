"""Negative control: predict random labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.option_types import Classes, Label, NonNegative, checked
from sidelight.seeding import generator
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class NoiseTask:
    """Softmax over random labels, one per item, drawn once: a useless task.

    The labels have nothing to do with the items, so whatever is learned of them holds for no other
    item and takes room in the vectors. A comparison should find the loss that this costs, and a
    weighting that looks at validation should switch the task off.

    Args:
        weight: Loss weight to start from.
        classes: Number of labels.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.NoiseTask())
        >>> [task.name for task in spec.tasks]
        ['noise']
    """

    weight: NonNegative = 0.5
    classes: Classes = 32
    name: Label = "noise"
    uses_clicks: ClassVar[bool] = False

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Draw a label per item by the seed alone, and one learned vector per label."""
        drawn = generator(seed, "noise task").integers(0, self.classes, split.data.n_items)
        return _Noise(torch.as_tensor(drawn), self.classes, towers.dim)


class _Noise(nn.Module):
    labels: Tensor

    def __init__(self, labels: Tensor, classes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("labels", labels, persistent=False)
        self.table = nn.Parameter(torch.randn(classes, dim) / dim**0.5)
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Mean cross entropy over the drawn items."""
        if not len(batch.drawn):
            return self.scale * 0.0
        logits = towers.items(batch.drawn, batch.generator) @ F.normalize(self.table, dim=1).T
        return F.cross_entropy(logits * self.scale, self.labels[batch.drawn])


def example() -> NoiseTask:
    """Return an example for the shared contract tests."""
    return NoiseTask()
