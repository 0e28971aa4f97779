"""Masked attribute modelling: predict hidden modalities of an item from the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.option_types import Label, NonNegative, OpenShare, checked
from sidelight.towers.batch import Batch
from sidelight.towers.modality import Modality
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class MaskedAttributes:
    """Loss that predicts hidden modalities of the drawn items from the others.

    Sparse attributes (categories, tags, words): cross entropy over the columns; dense ones
    (numbers, vectors): squared error on values scaled by their spread over the catalogue.

    Args:
        weight: Loss weight to start from.
        share: Probability that a modality is hidden; one always stays to be seen.

    Source: Masked item prediction of S3-Rec (Zhou et al., CIKM 2020), here on content alone and
    for attributes of mixed type.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.MaskedAttributes())
        >>> [task.name for task in spec.tasks]
        ['masked attributes']
    """

    weight: NonNegative = 0.1
    share: OpenShare = 0.5
    name: Label = "masked attributes"
    uses_clicks: ClassVar[bool] = False

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return one decoder per modality; needs two modalities."""
        if len(towers.fusion.modalities) < 2:
            raise SpecError(complain("two modalities or more", "one", "MaskedAttributes", "add content"))
        return _Masked(self, towers)


class _Masked(nn.Module):
    def __init__(self, spec: MaskedAttributes, towers: Towers) -> None:
        super().__init__()
        self.spec = spec
        self.decoders = nn.ModuleList(nn.Linear(towers.dim, m.dim) for m in towers.fusion.modalities)
        self.scale = nn.Parameter(torch.tensor(10.0))
        self.spreads = [_spread(modality) for modality in towers.fusion.modalities]

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Mean over the modalities of which any drawn item had one hidden."""
        there = towers.fusion.present(batch.drawn)
        able = there.sum(dim=1) > 1
        drawn, there = batch.drawn[able], there[able]
        if not len(drawn):
            return self.scale * 0.0
        chance = torch.rand(there.shape, generator=batch.generator).to(drawn.device)
        stays = F.one_hot(torch.where(there, chance, -1.0).argmax(dim=1), there.shape[1]).bool()
        hidden = there & (chance < self.spec.share) & ~stays
        vectors = towers.content(drawn, there & ~hidden)
        found = []
        for at, (modality, decoder) in enumerate(zip(towers.fusion.modalities, self.decoders, strict=True)):
            rows = hidden[:, at]
            if bool(rows.any()):
                wanted, loss = modality.dense(drawn[rows]), self._loss(modality.sparse, at)
                found.append(loss(decoder(vectors[rows]), wanted))
        return torch.stack(found).mean() if found else self.scale * 0.0

    def _loss(self, sparse: bool, at: int) -> Callable[[Tensor, Tensor], Tensor]:
        def columns(guess: Tensor, wanted: Tensor) -> Tensor:
            share = wanted.abs() / wanted.abs().sum(dim=1, keepdim=True).clamp_min(1e-6)
            return -(share * F.log_softmax(guess * self.scale, dim=1)).sum(dim=1).mean()

        def values(guess: Tensor, wanted: Tensor) -> Tensor:
            return ((guess - wanted) / self.spreads[at]).square().mean()

        return columns if sparse else values


def _spread(modality: Modality) -> float:
    """Standard deviation of the present values of a dense modality; 1 without any two that differ."""
    if modality.values is None:
        return 1.0
    known = modality.values[modality.present]
    spread = float(known.std()) if known.numel() > 1 else 0.0
    return spread if spread > 0 else 1.0


def example() -> MaskedAttributes:
    """Return an example for the shared contract tests."""
    return MaskedAttributes()
