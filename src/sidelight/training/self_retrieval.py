"""Stopping signal without users: retrieval of an item by a part of its content."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sidelight.data.split.split import Split
from sidelight.losses import temperature_free_nll
from sidelight.seeding import generator
from sidelight.towers.towers import Towers

ITEMS = 500  # looked for, at most
LEAST = 50  # looked for, at least
CANDIDATES = 20_000  # at most
BLOCK = 4096
K = 20
KEEP = (0.4, 0.2, 0.1, 0.05)  # shares of the words that are shown
HARD = 0.7  # the signal at the start that leaves room for learning
STEP = 0.01  # in which the signal is counted
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SelfRetrieval:
    """Retrieval of items without training events by a view of their content among all items.

    The share of words shown is the largest of `KEEP` at which the towers before training stay below
    `HARD`. A view that finds its item tells no more: the signal is counted in steps of `STEP`, so
    that towers which go on to tell apart ever smaller details are no better than those before.

    Args:
        items: int64 (n,), catalogue indices of the items to retrieve, untouched.
        candidates: int64 (m,), ascending, what competes; `items` are among it.
        keep: Share of the words shown; the entries of a dense modality lose half as many.
        seed: Random seed of the hidden words.
    """

    items: Ints
    candidates: Ints
    keep: float
    seed: int

    @classmethod
    def of(cls, split: Split, towers: Towers, seed: int) -> Self | None:
        """Draw the items; None where fewer than `LEAST` items without events have any content."""
        everything = torch.arange(towers.n_items, device=towers.touched.device)
        there = towers.fusion.present(everything).any(dim=1).cpu().numpy() & split.candidates
        able = np.flatnonzero(there & ~towers.touched.cpu().numpy())
        if len(able) < LEAST:
            return None
        rng = generator(seed, "self retrieval")
        items = np.sort(rng.choice(able, min(ITEMS, len(able)), replace=False))
        others = np.setdiff1d(np.flatnonzero(there), items)
        others = rng.choice(others, min(CANDIDATES, len(others)), replace=False)
        found = cls(items, np.sort(np.concatenate([items, others])), KEEP[0], seed)
        for keep in KEEP:
            found = replace(found, keep=keep)
            if found.figures(towers)["views"] <= HARD:
                break
        return found

    def figures(self, towers: Towers) -> dict[str, float]:
        """Compute NDCG@20 of the item as "views", and the same in steps of `STEP` as "signal"."""
        training = towers.training
        towers.eval()
        with torch.no_grad():
            views = self._views(towers, self.items, 0)
            at = _on(towers, self.candidates)
            scores = torch.cat(
                [views @ towers.content(at[i : i + BLOCK]).T for i in range(0, len(at), BLOCK)], dim=1
            )
            own = scores.gather(1, self._place(towers, self.items)[:, None])
            rank = (scores > own).sum(dim=1).float()
            found = float(torch.where(rank < K, 1 / torch.log2(rank + 2), 0.0).mean())
        towers.train(training)
        return {"views": found, "signal": round(found / STEP) * STEP}

    def losses(self, step: int, towers: Towers) -> list[Tensor]:
        """Compute one softmax loss of the step's views among the candidates, at the best sharpness."""
        views = self._views(towers, self.items, step)
        to = self._place(towers, self.items)
        logits = (views * towers.log_scale.exp().detach()) @ towers.content(_on(towers, self.candidates)).T
        return [temperature_free_nll(logits, torch.arange(len(to), device=to.device), to)]

    def _views(self, towers: Towers, items: Ints, step: int) -> Tensor:
        noise = torch.Generator().manual_seed(int(generator(self.seed, "views", str(step)).integers(2**62)))
        return towers.content(_on(towers, items), None, self.keep, noise)

    def _place(self, towers: Towers, items: Ints) -> Tensor:
        return _on(towers, np.searchsorted(self.candidates, items))


def with_new_items(split: Split, seed: int) -> Split:
    """Return a split with enough untouched items: itself, or one with a tenth of the touched hidden.

    Items are drawn until they and the untouched are `LEAST`, or a tenth of the touched, at most
    `ITEMS`; where that would be more than a quarter of them the split is left as it is. Validation
    rows are dropped with their training rows: they said nothing.
    """
    touched = np.flatnonzero(split.fitting().getnnz(axis=0))
    missing = LEAST - (int(split.candidates.sum()) - int(split.candidates[touched].sum()))
    count = min(ITEMS, max(missing, len(touched) // 10))
    if missing <= 0 or count > len(touched) // 4:
        return split
    item = split.data.interactions.item
    hidden = np.zeros(split.data.n_items, dtype=np.bool_)
    hidden[generator(seed, "new items").choice(touched, count, replace=False)] = True
    nothing = np.empty(0, dtype=np.int64)
    return replace(
        split,
        train=split.train[~hidden[item[split.train]]],
        validation=nothing,
        sealed=nothing,
        cold=split.cold | hidden,
        simulated=np.zeros_like(split.simulated),
        given=split.given[~hidden[item[split.given]]],
        how={**split.how, "selection": True},
    )


def _on(towers: Towers, values: Ints) -> Tensor:
    return torch.as_tensor(values, device=towers.touched.device)
