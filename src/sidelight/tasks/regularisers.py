"""Regularisers in the form of tasks: sparse gates, and dimensions that say different things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from sidelight.data.split import Split
from sidelight.errors import SpecError, complain
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
class GateSparsity:
    """sum_m |gate_m| * |P_m|_F / sqrt(size): a modality that does not help fades as a group.

    Args:
        weight: Loss weight to start from.

    Source: Group lasso, Yuan and Lin (JRSS B 2006), on the product of gate and map.
    """

    weight: float = 0.01
    name: str = "gate sparsity"
    uses_clicks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise SpecError(complain("weight >= 0", f"{self.weight}", "GateSparsity"))

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Nothing to prepare."""
        return _Gates()


class _Gates(nn.Module):
    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """The penalty; it depends on no item."""
        total = towers.gates.sum() * 0.0
        for at, table in enumerate(towers.maps):
            total = total + towers.gates[at].abs() * table.norm() / table.numel() ** 0.5
        return total


@dataclass(frozen=True)
class Decorrelation:
    """Dimensions of the item vectors say different things: log(dim / dimensions in use).

    With C the covariance of the content vectors of the drawn items, the dimensions in use are its
    participation ratio tr(C)^2 / tr(C^2): dim where all dimensions vary alike and none goes with
    another, 1 where the vectors vary along one line. The loss is 0 for an even spread; using half of
    the dimensions costs log 2, whatever the scale of the vectors.

    Args:
        weight: Loss weight to start from.

    Source: Participation ratio as in Gao et al., "A theory of multineuronal dimensionality, dynamics
    and measurement" (2017); in place of the variance and covariance terms of VICReg (Bardes, Ponce
    and LeCun, ICLR 2022), which have a scale of their own.
    """

    weight: float = 1.0
    name: str = "decorrelation"
    uses_clicks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise SpecError(complain("weight >= 0", f"{self.weight}", "Decorrelation"))

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Nothing to prepare."""
        return _Decorrelation()


class _Decorrelation(nn.Module):
    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Over the content vectors of the drawn items."""
        drawn = batch.drawn[towers.present(batch.drawn).any(dim=1)]
        if len(drawn) < 2:
            return towers.gates.sum() * 0.0
        x = towers.content(drawn)
        x = x - x.mean(dim=0)
        gram = x.T @ x
        varied = gram.diagonal().sum().clamp_min(1e-12)
        loss: Tensor = (towers.dim * gram.square().sum() / varied.square()).clamp_min(1e-12).log()
        return loss


def example() -> Decorrelation:
    """For the shared contract tests."""
    return Decorrelation()
