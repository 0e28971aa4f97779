"""Alignment of content vectors with collaborative neighbourhoods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from sklearn.utils.extmath import randomized_svd
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.losses import soft_neighbours
from sidelight.option_types import Dim, Label, NonNegative, Positive, SomeShare, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class Alignment:
    """Loss that gives content vectors the neighbours of a closed-form collaborative teacher.

    Teacher: truncated SVD of the histories, each user and each item scaled by the inverse root of
    its count, item factors of unit length. Only directions are taught and no gradient reaches the
    teacher; still, it is made from clicks.

    Args:
        weight: Loss weight to start from.
        dim: Rank of the teacher.
        temperature: Temperature of the neighbourhoods.
        keep: Share of the words that the content vector sees.

    Source: Alignment of content with collaborative embeddings as in CLCRec (Wei et al., MM 2021);
    ours matches neighbourhoods of a closed-form teacher instead of contrasting learned ids.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Alignment())
        >>> [task.name for task in spec.tasks]
        ['alignment']
    """

    weight: NonNegative = 0.3
    dim: Dim = 64
    temperature: Positive = 0.1
    keep: SomeShare = 0.6
    name: Label = "alignment"
    uses_clicks: ClassVar[bool] = True

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Solve for the teacher."""
        histories = split.fitting().astype(np.float32)
        scaled = _inverse_root(histories.getnnz(axis=1)) @ histories @ _inverse_root(histories.getnnz(axis=0))
        rank = max(1, min(self.dim, min(scaled.shape) - 1))
        _, strength, right = randomized_svd(scaled, rank, random_state=seed)
        teacher = F.normalize(torch.as_tensor((right.T * strength).astype(np.float32)), dim=1)
        return _Alignment(self, teacher)


def _inverse_root(count: np.ndarray) -> sp.dia_matrix:
    return sp.diags((1 / np.sqrt(np.maximum(count, 1))).astype(np.float32))


class _Alignment(nn.Module):
    teacher: Tensor

    def __init__(self, spec: Alignment, teacher: Tensor) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("teacher", teacher, persistent=False)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """KL divergence between the neighbourhoods of the touched drawn items."""
        drawn = batch.drawn[towers.touched[batch.drawn]]
        if len(drawn) < 3:
            return towers.fusion.gates.sum() * 0.0
        wanted = self.teacher[drawn]
        found = towers.content(drawn, None, self.spec.keep, batch.generator) @ towers.content(drawn).T
        return soft_neighbours(found, wanted @ wanted.T, self.spec.temperature)


def example() -> Alignment:
    """Return an example for the shared contract tests."""
    return Alignment(dim=4)
