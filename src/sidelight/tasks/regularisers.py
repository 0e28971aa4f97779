"""Regularisers in the form of tasks: sparse gates and decorrelated dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.option_types import Label, NonNegative, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers

MOST = 10.0  # times the best lift over that of a modality, at most
FREE = 2.0  # times without penalty


@dataclass(frozen=True)
@checked
class GateSparsity:
    """Penalty sum_m max(0, min(MOST, best / lift_m) - FREE) * share_m: modalities with little lift fade.

    share_m = |gate_m| r_m / sum_n |gate_n| r_n with r_m the root mean square of the map of m, so
    that shrinking all gates, or a gate against its map, gains nothing. The lifts are those that the
    towers were built with (`sidelight.towers.modality_evidence`): modalities with at least half of the best
    have no penalty, one whose similarity says nothing about what is chosen together has the largest.
    Without lifts, or with a single modality, it is 0. Gates then learn at `gate_rate` times the
    learning rate of the rest.

    Args:
        weight: Loss weight to start from.

    Source: Adaptive lasso, Zou (JASA 2006), on groups as in Yuan and Lin (JRSS B 2006); lifts in
    place of a first estimate.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.GateSparsity())
        >>> [task.name for task in spec.tasks]
        ['gate sparsity']
    """

    weight: NonNegative = 1.0
    name: Label = "gate sparsity"
    uses_clicks: ClassVar[bool] = True
    # A step of Adam is as long for a gate as for an entry of a map: 0 would be out of reach.
    gate_rate: ClassVar[float] = 10.0

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Compute the penalties from the lifts of the modalities."""
        lifts = [max(0.0, found.lift) for found in towers.fusion.evidence]
        best = max(lifts, default=0.0)
        ratios = [min(MOST, best / lift) if lift > 0 else MOST for lift in lifts]
        penalty = [max(0.0, ratio - FREE) for ratio in ratios]
        return _Gates(penalty if best > 0 else [0.0] * len(towers.fusion.maps))


class _Gates(nn.Module):
    penalty: Tensor

    def __init__(self, penalty: list[float]) -> None:
        super().__init__()
        self.register_buffer("penalty", torch.tensor(penalty), persistent=False)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Compute the penalty; it depends on no item."""
        size = torch.stack([table.norm() / table.numel() ** 0.5 for table in towers.fusion.maps])
        share = towers.fusion.gates.abs() * size
        return (self.penalty * share).sum() / share.sum().clamp_min(1e-6)


@dataclass(frozen=True)
@checked
class Decorrelation:
    """Penalty on correlated dimensions of the item vectors: log(dim / dimensions in use).

    With C the covariance of the content vectors of the drawn items, the dimensions in use are its
    participation ratio tr(C)^2 / tr(C^2): dim where all dimensions vary alike and none goes with
    another, 1 where the vectors vary along one line. The loss is 0 for an even spread; using half of
    the dimensions costs log 2, whatever the scale of the vectors.

    Args:
        weight: Loss weight to start from.

    Source: Participation ratio as in Gao et al., "A theory of multineuronal dimensionality, dynamics
    and measurement" (2017); in place of the variance and covariance terms of VICReg (Bardes, Ponce
    and LeCun, ICLR 2022), which have a scale of their own.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Decorrelation())
        >>> [task.name for task in spec.tasks]
        ['decorrelation']
    """

    weight: NonNegative = 1.0
    name: Label = "decorrelation"
    uses_clicks: ClassVar[bool] = False

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return the loss module; there is nothing to fit."""
        return _Decorrelation()


class _Decorrelation(nn.Module):
    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Compute the penalty over the content vectors of the drawn items."""
        drawn = batch.drawn[towers.fusion.present(batch.drawn).any(dim=1)]
        if len(drawn) < 2:
            return towers.fusion.gates.sum() * 0.0
        x = towers.content(drawn)
        x = x - x.mean(dim=0)
        gram = x.T @ x
        varied = gram.diagonal().sum().clamp_min(1e-12)
        loss: Tensor = (towers.dim * gram.square().sum() / varied.square()).clamp_min(1e-12).log()
        return loss


def example() -> Decorrelation:
    """Return an example for the shared contract tests."""
    return Decorrelation()
