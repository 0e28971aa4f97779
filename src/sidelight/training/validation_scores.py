"""Validation signal: NDCG of warm, cold and all items."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
import torch

from sidelight.data.histories import Histories, histories_of
from sidelight.data.split.split import Split
from sidelight.evaluation.evaluate import evaluate
from sidelight.seeding import generator
from sidelight.towers.towers import Towers

BLOCK = 8192
K = 20


@dataclass(frozen=True, eq=False)
class TowerScores:
    """Scorer of towers during training, for `evaluate`; its scores equal those of the saved model."""

    towers: Towers
    vectors: torch.Tensor
    added: torch.Tensor | None = None

    @property
    def context(self) -> tuple[str, ...]:
        """Columns of context that the towers use."""
        return self.towers.context_features.columns

    def with_context(self, users: np.ndarray, context: pl.DataFrame | None = None) -> TowerScores:
        """Return the scorer for these users, int64 (n_rows,), in these contexts, one per row."""
        device = self.vectors.device
        with torch.no_grad():
            added = self.towers.side_vectors(torch.as_tensor(users, device=device))
            if added is None or context is None:
                return replace(self, added=added)
            features = self.towers.context_features.encode(context)
            for f, table in zip(features, self.towers.context_maps, strict=True):
                moment = f.present[:, None] * np.asarray(f.values @ table.cpu().numpy(), dtype=np.float32)
                added = added + torch.as_tensor(moment, device=device)
        return replace(self, added=added)

    def score(self, histories: Histories | sp.csr_matrix) -> Any:
        """float32 (n_rows, n_items)."""
        device = self.vectors.device
        history = torch.as_tensor(histories_of(histories).padded(), device=device)
        with torch.no_grad():
            users = self.towers.users(self.vectors, history, self.added)
            return (users @ self.vectors.T).float().cpu().numpy()


def item_vectors(towers: Towers) -> torch.Tensor:
    """Compute vectors of the whole catalogue without dropout, float32 (n_items, dim)."""
    training = towers.training
    towers.eval()
    with torch.no_grad():
        everything = torch.arange(towers.n_items, device=towers.touched.device)
        out = torch.cat(
            [towers.items(everything[at : at + BLOCK]) for at in range(0, len(everything), BLOCK)]
        )
    towers.train(training)
    return out


def validation_part(split: Split, users: int, seed: int) -> Split:
    """Return the split with a sample of its validation users, and no look at the test part."""
    # A mask of "others" would leave out the pairs of the sealed part: that is a look at them.
    split = split.blind()
    user = split.data.interactions.user[split.validation]
    able = np.unique(user)
    if len(able) <= users:
        return split
    chosen = generator(seed, "validation users").choice(able, users, replace=False)
    return replace(split, validation=split.validation[np.isin(user, chosen)])


def validate(towers: Towers, part: Split) -> dict[str, float]:
    """Compute NDCG@20 by slice, and "signal": the mean over the slices that have any user.

    Args:
        towers: Towers in any state of training.
        part: The result of `validation_part`.
    """
    scores = TowerScores(towers, item_vectors(towers))
    figures = evaluate(scores, part, ks=(K,), metrics=("ndcg",)).figures()
    found = {name: figures.get(f"{name}.ndcg@{K}") for name in ("overall", "cold", "warm")}
    known = {name: float(value) for name, value in found.items() if value is not None and value == value}
    return {**known, "signal": float(np.mean(list(known.values()))) if known else 0.0}
