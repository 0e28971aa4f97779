"""Regularisers in the form of tasks: sparse gates, and dimensions that say different things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from sidelight.data.split import Split
from sidelight.errors import SpecError, complain
from sidelight.losses import covariance_term, variance_term
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
    """Dimensions of the item vectors say different things: VICReg's variance and covariance terms.

    Vectors are scaled by sqrt(dim), so that a standard deviation of 1 is an even spread.

    Args:
        weight: Loss weight to start from.
        variance: Weight of the variance term beside the covariance term.

    Source: Bardes, Ponce and LeCun (ICLR 2022), without the invariance term.
    """

    weight: float = 0.01
    variance: float = 1.0
    name: str = "decorrelation"
    uses_clicks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if min(self.weight, self.variance) < 0:
            raise SpecError(complain("weight, variance >= 0", repr(self), "Decorrelation"))

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Nothing to prepare."""
        return _Decorrelation(self.variance)


class _Decorrelation(nn.Module):
    def __init__(self, variance: float) -> None:
        super().__init__()
        self.variance = variance

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Over the content vectors of the drawn items."""
        drawn = batch.drawn[towers.present(batch.drawn).any(dim=1)]
        if len(drawn) < 2:
            return towers.gates.sum() * 0.0
        x = towers.content(drawn) * towers.dim**0.5
        return covariance_term(x) + self.variance * variance_term(x)


def example() -> Decorrelation:
    """For the shared contract tests."""
    return Decorrelation()
