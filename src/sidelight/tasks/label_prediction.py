"""Prediction of labels that only some items have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.content.categories import Categories
from sidelight.content.protocols import Content, fit_features
from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.option_types import Count, NonNegative, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class LabelPrediction:
    """Softmax over the labels of an item; several labels share the probability.

    Labels may be privileged: known for old items only, such as tags that readers added later. They
    are targets here and never an input, so that a new item needs none.

    Args:
        labels: `Categories`, `Tags` or any content that gives one column a label.
        weight: Loss weight to start from.
        warm_only: Labels of items without training events are not looked at, so that no gradient
            comes from these items. None means so only where the schema says that a column of the
            labels is not known at launch, or where their columns are unknown.
        min_items: Rarer labels are left out.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.LabelPrediction(sl.Categories("brand")))
        >>> [task.name for task in spec.tasks]
        ['labels:categories:brand']
    """

    labels: Content
    weight: NonNegative = 0.5
    warm_only: bool | None = None
    min_items: Count = 5
    uses_clicks: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """Name of the task, e.g. "labels:tags:genres"."""
        return f"labels:{self.labels.name}"

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return a module with labels as rows of probabilities, and one learned vector per label."""
        _, features = fit_features(self.labels, split.data.items)
        allowed = features.present.copy()
        if self._late(split) if self.warm_only is None else self.warm_only:
            allowed &= split.fitting().getnnz(axis=0) > 0
        known = sp.csr_matrix(sp.diags(allowed.astype(np.float32)) @ (sp.csr_matrix(features.values) != 0))
        known = known[:, np.flatnonzero(known.getnnz(axis=0) >= self.min_items)]
        if known.shape[1] < 2:
            found, fix = f"{known.shape[1]} labels", "lower min_items, or name another column"
            what = f"two labels or more with at least {self.min_items} items"
            raise SpecError(complain(what, found, self.name, fix))
        return _Labels(sp.csr_matrix(known, dtype=np.float32), towers)

    def _late(self, split: Split) -> bool:
        """Return True where a label may not be known at launch."""
        launch = {c.name for c in split.data.schema.items if c.known_at_launch}
        columns = getattr(self.labels, "columns", ())
        return not columns or not launch.issuperset(columns)


class _Labels(nn.Module):
    def __init__(self, known: sp.csr_matrix, towers: Towers) -> None:
        super().__init__()
        self.known = known
        self.table = nn.Parameter(torch.randn(known.shape[1], towers.dim) / towers.dim**0.5)
        self.bias = nn.Parameter(torch.zeros(known.shape[1]))
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Mean cross entropy over the drawn items that have labels."""
        drawn = batch.drawn.cpu().numpy()
        able = drawn[np.diff(self.known.indptr)[drawn] > 0]
        if not len(able):
            return self.bias.sum() * 0.0
        items = torch.as_tensor(able, device=batch.drawn.device)
        wanted = torch.as_tensor(self.known[able].toarray(), device=batch.drawn.device)
        logits = towers.items(items, batch.generator) @ F.normalize(self.table, dim=1).T
        found = F.log_softmax(logits * self.scale + self.bias, dim=1)
        return -(wanted / wanted.sum(dim=1, keepdim=True) * found).sum(dim=1).mean()


def example() -> LabelPrediction:
    """Return an example for the shared contract tests."""
    return LabelPrediction(Categories("category"), min_items=1)
