"""Feature reconstruction by a denoising decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.option_types import Label, NonNegative, SomeShare, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class Reconstruction:
    """Denoising loss: reconstruct each modality from content with words dropped.

    Sparse modality: cross entropy between its weights (as shares) and a softmax over its columns;
    dense modality: 1 - cosine. Mean over the modalities that are present.

    Args:
        weight: Loss weight to start from.
        keep: Share of the words that are seen.

    Source: Denoising autoencoder, Vincent et al. (ICML 2008).

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Reconstruction())
        >>> [task.name for task in spec.tasks]
        ['reconstruction']
    """

    weight: NonNegative = 0.1
    keep: SomeShare = 0.5
    name: Label = "reconstruction"
    uses_clicks: ClassVar[bool] = False

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return one decoder per modality."""
        return _Reconstruction(self, towers)


class _Reconstruction(nn.Module):
    def __init__(self, spec: Reconstruction, towers: Towers) -> None:
        super().__init__()
        self.spec = spec
        self.decoders = nn.ModuleList(nn.Linear(towers.dim, m.dim) for m in towers.fusion.modalities)
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Mean over modalities that some drawn item has."""
        vectors = towers.content(batch.drawn, None, self.spec.keep, batch.generator)
        found = []
        for modality, decoder in zip(towers.fusion.modalities, self.decoders, strict=True):
            there = modality.present[batch.drawn]
            wanted = modality.dense(batch.drawn[there])
            able = wanted.abs().sum(dim=1) > 0
            if not bool(able.any()):
                continue
            guess = decoder(vectors[there][able])
            wanted = wanted[able]
            if modality.sparse:
                share = wanted.abs() / wanted.abs().sum(dim=1, keepdim=True)
                found.append(-(share * F.log_softmax(guess * self.scale, dim=1)).sum(dim=1).mean())
            else:
                found.append((1 - F.cosine_similarity(guess, wanted, dim=1)).mean())
        return torch.stack(found).mean() if found else self.scale * 0.0


def example() -> Reconstruction:
    """Return an example for the shared contract tests."""
    return Reconstruction()
