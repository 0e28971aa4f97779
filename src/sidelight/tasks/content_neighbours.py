"""Preservation of content neighbourhoods in the space of the towers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.errors import SpecError, did_you_mean
from sidelight.losses import soft_neighbours
from sidelight.option_types import Label, NonNegative, Positive, SomeShare, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class ContentNeighbours:
    """Loss that keeps items with similar content near each other in the space of the towers.

    For the drawn items, softmax(cos(content_i, content_j) / t) should equal
    softmax(cos(x_i, x_j) / t), x the given features; words are dropped on one side, so that the
    match has to survive it. Covers the whole catalogue, touched or not.

    Args:
        modalities: Names of the modalities that say what is near, as in the content specs; empty
            means all. Cosines are averaged over those that both items have.
        weight: Loss weight to start from.
        temperature: t > 0; smaller looks at nearer neighbours only.
        keep: Share of the words that the left side sees.

    Source: Matching neighbourhood distributions as in stochastic neighbour embedding (Hinton and
    Roweis, NIPS 2002); here on random parts of the catalogue and with dropped words.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.ContentNeighbours())
        >>> [task.name for task in spec.tasks]
        ['neighbours']
    """

    modalities: tuple[str, ...] = ()
    weight: NonNegative = 1.0
    temperature: Positive = 0.1
    keep: SomeShare = 0.6
    name: Label = "neighbours"
    uses_clicks: ClassVar[bool] = False

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Looks up the modalities."""
        names = [m.name for m in towers.fusion.modalities]
        for name in self.modalities:
            if name not in names:
                raise SpecError(f"ContentNeighbours: no modality {name!r}; {did_you_mean(name, names)}")
        return _Neighbours(self, [names.index(n) for n in self.modalities or names])


class _Neighbours(nn.Module):
    def __init__(self, spec: ContentNeighbours, at: list[int]) -> None:
        super().__init__()
        self.spec, self.at = spec, at

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """KL divergence between the neighbourhoods of the drawn items that have content."""
        drawn = batch.drawn[towers.fusion.present(batch.drawn)[:, self.at].any(dim=1)]
        if len(drawn) < 3:
            return towers.fusion.gates.sum() * 0.0
        total = shared = drawn.new_zeros((len(drawn), len(drawn)), dtype=towers.fusion.gates.dtype)
        for modality in (towers.fusion.modalities[at] for at in self.at):
            x = F.normalize(modality.dense(drawn), dim=1)
            there = modality.present[drawn].float()
            total, shared = total + x @ x.T, shared + there[:, None] * there[None, :]
        left = towers.content(drawn, None, self.spec.keep, batch.generator)
        found = left @ towers.content(drawn).T
        return soft_neighbours(found, total / shared.clamp_min(1), self.spec.temperature)


def example() -> ContentNeighbours:
    """Return an example for the shared contract tests."""
    return ContentNeighbours()
