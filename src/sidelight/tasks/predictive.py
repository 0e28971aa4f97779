"""Predictive coding: a modality from the others, and what comes next from what came before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.data.split import Split
from sidelight.errors import SpecError, complain
from sidelight.losses import info_nce
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
class CrossModalPrediction:
    """From the other modalities of an item, a predictor gives the vector of the one left out.

    1 - cosine with that modality's projection, through which no gradient flows.

    Args:
        weight: Loss weight to start from.

    Source: Latent prediction with a stopped gradient, as in BYOL (Grill et al., NeurIPS 2020), with
    modalities in place of crops.
    """

    weight: float = 0.1
    name: str = "cross-modal prediction"
    uses_clicks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise SpecError(complain("weight >= 0", f"{self.weight}", "CrossModalPrediction"))

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """One predictor a modality; needs two modalities."""
        if len(towers.modalities) < 2:
            raise SpecError(complain("two modalities or more", "one", "CrossModalPrediction", "add content"))
        return _CrossModal(towers)


class _CrossModal(nn.Module):
    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.predictors = nn.ModuleList(nn.Linear(towers.dim, towers.dim) for _ in towers.modalities)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Mean over the modalities."""
        there, found = towers.present(batch.drawn), []
        for at, predictor in enumerate(self.predictors):
            able = there[:, at] & (there.sum(dim=1) > 1)
            items, shown = batch.drawn[able], there[able]
            if not len(items):
                continue
            shown[:, at] = False
            wanted = towers.project(at, items).detach()
            guess = predictor(towers.content(items, shown))
            found.append((1 - F.cosine_similarity(guess, wanted, dim=1)).mean())
        return torch.stack(found).mean() if found else towers.gates.sum() * 0.0


@dataclass(frozen=True)
class NextContent:
    """From the input part of a history, the content of a held-out item, told from that of others.

    InfoNCE over the distinct held-out items of the step: each counts once, however many users hold
    it, so that popular items weigh no more than rare ones. Histories say what is right.

    Args:
        weight: Loss weight to start from.
        temperature: > 0.
        keep: Share of the words that are seen of the held-out item.
    """

    weight: float = 0.1
    temperature: float = 0.1
    keep: float = 0.8
    name: str = "next content"
    uses_clicks: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.temperature <= 0 or not 0 < self.keep <= 1 or self.weight < 0:
            expected = "temperature > 0, keep in (0, 1], weight >= 0"
            raise SpecError(complain(expected, repr(self), "NextContent"))

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """A predictor from user vectors to content vectors."""
        return _NextContent(self, towers.dim)


class _NextContent(nn.Module):
    def __init__(self, spec: NextContent, dim: int) -> None:
        super().__init__()
        self.spec, self.predictor = spec, nn.Linear(dim, dim)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """InfoNCE between predictions and the content of the held-out items."""
        known = (batch.history >= 0).any(dim=1)
        targets = batch.targets[known[batch.targets[:, 0]]]
        order = torch.randperm(len(targets), generator=batch.generator).to(targets.device)
        targets = targets[order]
        _, group = torch.unique(targets[:, 1], return_inverse=True)
        first = torch.full((int(group.max()) + 1 if len(group) else 0,), len(targets), device=group.device)
        first = first.scatter_reduce(0, group, torch.arange(len(group), device=group.device), "amin")
        if len(first) < 2:
            return self.predictor.bias.sum() * 0.0
        user, row = targets[first, 0], targets[first, 1]
        guess = self.predictor(towers.users(batch.vectors, batch.history)[user])
        wanted = towers.content(batch.items[row], None, self.spec.keep, batch.generator)
        return info_nce(guess, wanted, self.spec.temperature)


def example() -> CrossModalPrediction:
    """For the shared contract tests."""
    return CrossModalPrediction()
