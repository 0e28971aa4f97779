"""Distillation of a closed-form teacher's ranking, cold items included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight import config
from sidelight.data.histories import Histories
from sidelight.data.split.split import Split
from sidelight.losses import FAR
from sidelight.option_types import Count, NonNegative, Positive, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


class Teacher(Protocol):
    """Spec of a model with `scorer.score(histories)`, e.g. `ContentKNN` or `EASE`."""

    def fit(self, split: Split) -> Any:
        """Fit on the training events of a split."""
        ...


@dataclass(frozen=True)
@checked
class Distillation:
    """Ranking of a teacher over touched and untouched items, predicted for the input part of a history.

    With s the teacher's scores of a user and S the largest of them, the target is
    softmax(s / (S t)) over the items of the step and the untouched ones among the drawn items; the
    loss is the cross entropy of the model's softmax with it. No gradient reaches the teacher. A
    teacher based on content covers what clicks cannot: users of untouched items.

    Args:
        teacher: Spec of a model that is fitted on the same training events.
        weight: Loss weight to start from.
        temperature: t > 0; smaller looks at the teacher's first items only.
        users: Users a step that are taught, at most.
        label: Tells two distillations in one model apart.

    Source: Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015); ranking
    as in Tang and Wang, "Ranking Distillation" (KDD 2018). Ours scales each user's scores by their
    largest and reaches items without clicks.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Distillation(sl.EASE()))
        >>> [task.name for task in spec.tasks]
        ['distillation:EASE']
    """

    teacher: Teacher
    weight: NonNegative = 2.0
    temperature: Positive = 0.1
    users: Count = 256
    label: str = ""
    uses_clicks: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Name of the task, e.g. "distillation:ContentKNN"."""
        return f"distillation:{self.label or type(self.teacher).__name__}"

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Fit the teacher."""
        return _Distillation(self, self.teacher.fit(split).scorer, split.data.n_items)


class _Distillation(nn.Module):
    def __init__(self, spec: Distillation, teacher: Any, n_items: int) -> None:
        super().__init__()
        self.spec, self.teacher, self.n_items = spec, teacher, n_items

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Mean cross entropy over users whom the teacher gives a score above 0."""
        history = batch.history[: self.spec.users]
        history = history[(history >= 0).any(dim=1)]
        fresh = batch.drawn[~towers.touched[batch.drawn]]
        row, place = torch.nonzero(history >= 0, as_tuple=True)
        column = history[row, place]
        items = torch.cat([batch.items, fresh])
        scores = self._scores(row, batch.items[column], len(history), items)
        hidden = torch.zeros_like(scores, dtype=torch.bool)
        hidden[row, column] = True
        scores = scores.masked_fill(hidden, 0.0)
        largest = scores.amax(dim=1) if len(scores) else scores.new_zeros(0)
        able = largest > 0
        if not bool(able.any()):
            return batch.vectors.sum() * 0.0
        vectors = torch.cat([batch.vectors, towers.items(fresh, batch.generator)])
        sharpness = 1 / (largest[able, None] * self.spec.temperature)
        wanted = F.softmax((scores[able] * sharpness).masked_fill(hidden[able], FAR), dim=1)
        logits = (towers.users(vectors, history[able]) * towers.log_scale.exp()) @ vectors.T
        found = F.log_softmax(logits.masked_fill(hidden[able], FAR), dim=1)
        return -(wanted * found).sum(dim=1).mean()

    def _scores(self, row: Tensor, item: Tensor, n_rows: int, items: Tensor) -> Tensor:
        """Compute the teacher's scores of some items, float32 (n_rows, len(items))."""
        shape = n_rows, self.n_items
        histories = Histories.of_events(row.cpu().numpy(), item.cpu().numpy(), shape)
        found = np.asarray(self.teacher.score(histories), dtype=np.float32)
        return torch.as_tensor(found[:, items.cpu().numpy()], device=items.device)


def example() -> Distillation:
    """Return an example for the shared contract tests."""
    teacher: Any = config.from_dict({"use": "ItemKNN"})
    return Distillation(teacher)
