"""Cross-modal contrast: two modalities of one item belong together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import torch
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.losses import info_nce
from sidelight.option_types import Label, NonNegative, Positive, SomeShare, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class Contrastive:
    """InfoNCE between the projections of every pair of modalities, over items that have both.

    Args:
        weight: Loss weight to start from.
        temperature: > 0.
        keep: Share of the words that each side sees.

    Source: van den Oord, Li and Vinyals (2018); pairs of modalities as in CLIP (Radford et al. 2021).

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Contrastive())
        >>> [task.name for task in spec.tasks]
        ['contrastive']
    """

    weight: NonNegative = 0.1
    temperature: Positive = 0.1
    keep: SomeShare = 0.8
    name: Label = "contrastive"
    uses_clicks: ClassVar[bool] = False

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Needs two modalities."""
        if len(towers.fusion.modalities) < 2:
            raise SpecError(complain("two modalities or more", "one", "Contrastive", "add content"))
        return _Contrast(self)


class _Contrast(nn.Module):
    def __init__(self, spec: Contrastive) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Mean over the pairs that share at least two drawn items."""
        there, found = towers.fusion.present(batch.drawn), []
        places, keep = range(len(towers.fusion.modalities)), self.spec.keep
        views = [towers.fusion.project(at, batch.drawn, keep, batch.generator) for at in places]
        for a, b in combinations(places, 2):
            both = there[:, a] & there[:, b]
            if int(both.sum()) > 1:
                found.append(info_nce(views[a][both], views[b][both], self.spec.temperature))
        return torch.stack(found).mean() if found else towers.fusion.gates.sum() * 0.0


def example() -> Contrastive:
    """Return an example for the shared contract tests."""
    return Contrastive()
