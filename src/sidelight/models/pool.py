"""`Pool`: the few items of each validation user that any blend could put on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.split import Split
from sidelight.evaluation.ranking import top_k
from sidelight.models.scorer import Scorer, told

CELLS = 1 << 25


@dataclass(frozen=True, eq=False)
class Pool:
    """Candidates of some users with every component's score.

    Args:
        values: float32 (n_components, n_users, width), 0 where padded.
        items: int32 (n_users, width), -1 where padded.
        relevant: bool (n_users, width).
        cold: bool (n_users, width).
        n_relevant: float64 (3, n_users): relevant items that are cold, warm, of any kind.
        both: bool (n_users,): users of the overall slice.
    """

    values: NDArray[np.float32]
    items: NDArray[np.int32]
    relevant: NDArray[np.bool_]
    cold: NDArray[np.bool_]
    n_relevant: NDArray[np.float64]
    both: NDArray[np.bool_]

    @classmethod
    def build(cls, scorers: list[Scorer], split: Split, users: NDArray[np.int64], depth: int) -> Pool:
        """Union of each component's `depth` best cold and `depth` best warm items for each user.

        Args:
            scorers: Fitted components.
            split: Its validation truth labels the items.
            users: int64, users to pool, each with validation truth.
            depth: Items taken a component and side.
        """
        histories, excluded, truth = split.histories(), split.excluded(), split.truth()
        n_items, n_users = split.data.n_items, len(users)
        step = max(1, CELLS // n_items)
        sides = (split.candidates & split.cold, split.candidates & split.warm)
        width = 0
        parts = []
        for start in range(0, n_users, step):
            block = users[start : start + step]
            scores = [told(s, block).score(histories[block]) for s in scorers]
            member = np.zeros((len(block), n_items), dtype=bool)
            for each in scores:
                for side in sides:
                    items, _ = top_k(each, depth, excluded[block], side)
                    row, column = np.nonzero(items >= 0)
                    member[row, items[row, column]] = True
            row, item = np.nonzero(member)
            place = np.arange(len(row)) - np.searchsorted(row, row)
            width = max(width, int(place.max(initial=-1)) + 1)
            hit = np.asarray(truth[block][row, item]).ravel() > 0
            parts.append((start + row, place, item, hit, [s[row, item] for s in scores]))
        return cls._packed(parts, split, truth[users], width, len(scorers))

    @classmethod
    def _packed(cls, parts: list[Any], split: Split, truth: sp.csr_matrix, width: int, m: int) -> Pool:
        n_users = truth.shape[0]
        items = np.full((n_users, width), -1, dtype=np.int32)
        relevant = np.zeros((n_users, width), dtype=bool)
        values = np.zeros((m, n_users, width), dtype=np.float32)
        for row, place, item, hit, scores in parts:
            items[row, place], relevant[row, place] = item, hit
            for at, value in enumerate(scores):
                values[at][row, place] = value
        target = truth.multiply(split.candidates[None, :]).tocsr()
        n_cold = np.asarray(target.multiply(split.cold[None, :]).sum(axis=1)).ravel()
        n_all = np.asarray(target.sum(axis=1)).ravel()
        counts = np.stack([n_cold, n_all - n_cold, n_all]).astype(np.float64)
        both = (counts[0] > 0) & (counts[1] > 0) if split.overall_users == "both" else n_all > 0
        cold = (items >= 0) & split.cold[np.maximum(items, 0)]
        return cls(values, items, relevant, cold, counts, both)

    def scales(self) -> NDArray[np.float64]:
        """Standard deviation of each component on the cold and the warm side, float64 (2, m)."""
        found = np.zeros((2, len(self.values)))
        for side, inside in enumerate(self._sides()):
            if inside.any():
                found[side] = [float(value[inside].std()) for value in self.values]
        return found

    def standardise(self, scale: NDArray[np.float64]) -> None:
        """Divide the values by scales (2, m), in place; components with scale 0 stay as they are."""
        for side, inside in enumerate(self._sides()):
            divisor = np.where(scale[side] > 0, scale[side], 1.0).astype(np.float32)
            self.values[:, inside] /= divisor[:, None]

    def _sides(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        return (self.items >= 0) & self.cold, (self.items >= 0) & ~self.cold

    def ndcg(self, scores: NDArray[np.float32], which: str, k: int) -> float:
        """Mean NDCG@k of pooled scores in one slice; 0 when the slice has no user.

        Args:
            scores: float32 (n_users, width).
            which: "cold", "warm" or "overall".
            k: Length of the lists.
        """
        side = ("cold", "warm", "overall").index(which)
        eligible = self.items >= 0
        if which != "overall":
            eligible &= self.cold if which == "cold" else ~self.cold
        users = np.flatnonzero(self.both if which == "overall" else self.n_relevant[side] > 0)
        if not len(users):
            return 0.0
        shown = np.where(eligible[users], scores[users], -np.inf)
        k = min(k, shown.shape[1])
        best = np.argpartition(-shown, k - 1, axis=1)[:, :k]
        value = np.take_along_axis(shown, best, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        hit = np.take_along_axis(self.relevant[users], np.take_along_axis(best, order, axis=1), axis=1)
        hit &= np.isfinite(np.take_along_axis(value, order, axis=1))
        discount = 1.0 / np.log2(np.arange(2, k + 2))
        ideal = np.cumsum(discount)[np.minimum(self.n_relevant[side][users], k).astype(int) - 1]
        return float(((hit * discount).sum(axis=1) / ideal).mean())

    def cold_slots(self, scores: NDArray[np.float32], k: int) -> float:
        """Share of the k slots of the overall lists that goes to cold items, in [0, 1].

        Args:
            scores: float32 (n_users, width).
            k: Length of the lists.
        """
        users = np.flatnonzero(self.both)
        shown = np.where(self.items[users] >= 0, scores[users], -np.inf)
        best = np.argpartition(-shown, min(k, shown.shape[1]) - 1, axis=1)[:, :k]
        return float(np.take_along_axis(self.cold[users], best, axis=1).mean()) if len(users) else 0.0

    @property
    def cold_relevance(self) -> float:
        """Share of what the users of the overall lists chose that is cold, a mean over users."""
        cold, _, all_ = self.n_relevant[:, self.both]
        return float((cold / all_).mean()) if all_.size else 0.0
