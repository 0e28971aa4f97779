"""Consistency under dropout: a word less, or a click less, leaves the scores unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.option_types import Label, NonNegative, PartShare, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class Consistency:
    """Loss between the scores of two views of the drawn items and of the users.

    Items: content with words and whole fields dropped against content as it is, 1 - cosine.
    Users: the score distribution over the step's items with some clicks dropped against that of the
    whole input, KL divergence, no gradient through the latter. The user part says nothing of what is
    right, but it is about histories; with `user=0` clicks change nothing.

    Args:
        weight: Loss weight to start from.
        words: Share of the words dropped.
        fields: Probability that a modality is hidden; one always stays.
        noise: Standard deviation of noise on the item vector, relative to its length.
        clicks: Share of the history dropped.
        user: Weight of the user part against the item part.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Consistency())
        >>> [task.name for task in spec.tasks]
        ['consistency']
    """

    weight: NonNegative = 1.0
    words: PartShare = 0.2
    fields: PartShare = 0.1
    noise: NonNegative = 0.05
    clicks: PartShare = 0.1
    user: NonNegative = 1.0
    name: Label = "consistency"
    uses_clicks: ClassVar[bool] = True

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return the loss module; there is nothing to fit."""
        return _Consistency(self)


class _Consistency(nn.Module):
    def __init__(self, spec: Consistency) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Item part + user * user part."""
        return self._items(batch, towers) + self.spec.user * self._users(batch, towers)

    def _items(self, batch: Batch, towers: Towers) -> Tensor:
        there = towers.fusion.present(batch.drawn)
        drawn, there = batch.drawn[there.any(dim=1)], there[there.any(dim=1)]
        if not len(drawn):
            return towers.fusion.gates.sum() * 0.0
        chance = _draw(there.shape, batch)
        shown = there & (chance >= self.spec.fields)
        one = F.one_hot(torch.where(there, chance, -1.0).argmax(dim=1), there.shape[1]).bool()
        view = towers.content(drawn, shown | (one & there), 1 - self.spec.words, batch.generator)
        if self.spec.noise:
            scale = self.spec.noise / view.shape[1] ** 0.5
            noise = torch.randn(view.shape, generator=batch.generator).to(view.device)
            view = F.normalize(view + scale * noise, dim=1)
        return (1 - (view * towers.content(drawn)).sum(dim=1)).mean()

    def _users(self, batch: Batch, towers: Towers) -> Tensor:
        able = (batch.history >= 0).sum(dim=1) > 1
        history = batch.history[able]
        if not len(history):
            return towers.fusion.gates.sum() * 0.0
        kept = torch.where(_draw(history.shape, batch) < self.spec.clicks, -1, history)
        scale = towers.log_scale.exp()
        whole = F.log_softmax((towers.users(batch.vectors, history) * scale) @ batch.vectors.T, dim=1)
        part = F.log_softmax((towers.users(batch.vectors, kept) * scale) @ batch.vectors.T, dim=1)
        loss: Tensor = F.kl_div(part, whole.detach(), reduction="batchmean", log_target=True)
        return loss


def _draw(shape: torch.Size, batch: Batch) -> Tensor:
    return torch.rand(shape, generator=batch.generator).to(batch.drawn.device)


def example() -> Consistency:
    """Return an example for the shared contract tests."""
    return Consistency()
