"""Predictive coding: a modality from the others, and the next item from the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.losses import info_nce
from sidelight.option_types import Label, NonNegative, Positive, SomeShare, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class CrossModalPrediction:
    """Prediction of a modality's vector from the other modalities of the item.

    1 - cosine with that modality's projection, through which no gradient flows.

    Args:
        weight: Loss weight to start from.

    Source: Latent prediction with a stopped gradient, as in BYOL (Grill et al., NeurIPS 2020), with
    modalities in place of crops.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.CrossModalPrediction())
        >>> [task.name for task in spec.tasks]
        ['cross-modal prediction']
    """

    weight: NonNegative = 0.1
    name: Label = "cross-modal prediction"
    uses_clicks: ClassVar[bool] = False

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return one predictor per modality; needs two modalities."""
        if len(towers.fusion.modalities) < 2:
            raise SpecError(complain("two modalities or more", "one", "CrossModalPrediction", "add content"))
        return _CrossModal(towers)


class _CrossModal(nn.Module):
    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.predictors = nn.ModuleList(nn.Linear(towers.dim, towers.dim) for _ in towers.fusion.modalities)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Mean over the modalities."""
        there, found = towers.fusion.present(batch.drawn), []
        for at, predictor in enumerate(self.predictors):
            able = there[:, at] & (there.sum(dim=1) > 1)
            items, shown = batch.drawn[able], there[able]
            if not len(items):
                continue
            shown[:, at] = False
            wanted = towers.fusion.project(at, items).detach()
            guess = predictor(towers.content(items, shown))
            found.append((1 - F.cosine_similarity(guess, wanted, dim=1)).mean())
        return torch.stack(found).mean() if found else towers.fusion.gates.sum() * 0.0


@dataclass(frozen=True)
@checked
class NextContent:
    """Prediction of the next item's content from the history up to it, by InfoNCE.

    Where events have an order, a user's target is a held-out item right after an input, and the
    input ends there. Without timestamps and positions there is no next item: any held-out one is
    predicted from all inputs. InfoNCE over the distinct targets of the step, one per user, each item
    once, however many users it comes next for: popular items weigh no more than rare ones.

    Args:
        weight: Loss weight to start from.
        temperature: > 0.
        keep: Share of the words that are seen of the target.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.NextContent())
        >>> [task.name for task in spec.tasks]
        ['next content']
    """

    weight: NonNegative = 0.1
    temperature: Positive = 0.1
    keep: SomeShare = 0.8
    name: Label = "next content"
    uses_clicks: ClassVar[bool] = True

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return the places of events in their histories, and a predictor from user to content vectors."""
        return _NextContent(self, _Order.of(split), towers.dim)


@dataclass(frozen=True, eq=False)
class _Order:
    """Place of each event in the history of its user, from 0.

    Args:
        n_items: Size of the catalogue.
        pair: int64 (n_pairs,), user * n_items + item, ascending.
        place: int64 (n_pairs,), of the first event of the pair.
    """

    n_items: int
    pair: NDArray[np.int64]
    place: NDArray[np.int64]

    @classmethod
    def of(cls, split: Split) -> _Order | None:
        """Return the order of the fitting events; None where nothing orders them."""
        log, rows = split.data.interactions, split.fit_rows  # sorted by user, then by what orders events
        if log.order is None:
            return None
        user, item = log.user[rows].astype(np.int64), log.item[rows].astype(np.int64)
        pair, first = np.unique(user * split.data.n_items + item, return_index=True)
        place = np.empty(len(first), dtype=np.int64)
        # Pairs that occur again leave no gap: places count the first events only.
        by_event = np.argsort(first, kind="stable")
        owner = pair[by_event] // split.data.n_items
        place[by_event] = np.arange(len(first)) - np.searchsorted(owner, owner)
        return cls(split.data.n_items, pair, place)

    def places(self, users: Tensor, items: Tensor) -> Tensor:
        """Return the place of each item in the history of each user, int64, all of one length."""
        wanted = (users * self.n_items + items).cpu().numpy()
        return torch.as_tensor(self.place[np.searchsorted(self.pair, wanted)], device=users.device)


class _NextContent(nn.Module):
    def __init__(self, spec: NextContent, order: _Order | None, dim: int) -> None:
        super().__init__()
        self.spec, self.order, self.predictor = spec, order, nn.Linear(dim, dim)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """InfoNCE between predictions and the content of the items that came next."""
        history, targets = self._next(batch)
        mixed = torch.randperm(len(targets), generator=batch.generator).to(targets.device)
        targets = targets[mixed]
        for column in (0, 1):  # each user once, then each item once, by chance
            targets = targets[_first(targets[:, column])]
        if len(targets) < 2:
            return self.predictor.bias.sum() * 0.0
        user, row = targets[:, 0], targets[:, 1]
        guess = self.predictor(towers.users(batch.vectors, history(user, row)))
        wanted = towers.content(batch.items[row], None, self.spec.keep, batch.generator)
        return info_nce(guess, wanted, self.spec.temperature)

    def _next(self, batch: Batch) -> tuple[Callable[[Tensor, Tensor], Tensor], Tensor]:
        """Return inputs for pairs of user and target, and the pairs that have any."""
        there = batch.history >= 0
        user, row = batch.targets[:, 0], batch.targets[:, 1]
        if self.order is None:
            return lambda user, row: batch.history[user], batch.targets[there[user].any(dim=1)]
        order, at = self.order, torch.nonzero(there, as_tuple=True)
        places = torch.full_like(batch.history, -2)
        places[at] = order.places(batch.users[at[0]], batch.items[batch.history[at]])
        place = order.places(batch.users[user], batch.items[row])
        follows = (places[user] == place[:, None] - 1).any(dim=1)

        def before(user: Tensor, row: Tensor) -> Tensor:
            place = order.places(batch.users[user], batch.items[row])
            return batch.history[user].masked_fill(places[user] > place[:, None], -1)

        return before, batch.targets[follows]


def _first(values: Tensor) -> Tensor:
    """Return the first place of each distinct value (n,), int64, ascending."""
    _, group = torch.unique(values, return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    first = torch.full((count,), len(values), device=values.device)
    first = first.scatter_reduce(0, group, torch.arange(len(values), device=values.device), "amin")
    return first.sort().values


def example() -> CrossModalPrediction:
    """Return an example for the shared contract tests."""
    return CrossModalPrediction()
