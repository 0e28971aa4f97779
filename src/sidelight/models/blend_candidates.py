"""Candidates of a blend: the few items of each user that any weights could rank first, with all scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.data.split.split import Split
from sidelight.evaluation.ranking import top_k
from sidelight.models.scorer import Scorer, with_context
from sidelight.seeding import generator

CELLS = 1 << 25
SIDES = ("cold", "warm", "overall")
Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CandidateLists:
    """One slice of a pool, packed: users with a relevant item there, and only its items.

    Args:
        values: float32 (n_components, n_users, width), 0 where padded.
        eligible: bool (n_users, width), False where padded.
        relevant: float32 (n_users, width), value of showing an item; 0 where not relevant.
        place: int64 (n_users, width), popularity bucket of each item.
        ideal: float64 (n_users,), discounted gain of a perfect list.
        k: Length of the lists.
    """

    values: Values
    eligible: NDArray[np.bool_]
    relevant: Values
    place: NDArray[np.int64]
    ideal: NDArray[np.float64]
    k: int

    def __len__(self) -> int:
        return len(self.ideal)

    def ndcg(self, scores: Values) -> NDArray[np.float64]:
        """Compute NDCG@k of every user, float64 (n_users,), for scores (n_users, width).

        Items have the value in `relevant`; those of the ideal list have value 1.
        """
        if not len(self):
            return np.zeros(0)
        shown = np.where(self.eligible, scores, -np.inf)
        k = min(self.k, shown.shape[1])
        best = np.argpartition(-shown, k - 1, axis=1)[:, :k]
        value = np.take_along_axis(shown, best, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        hit = np.take_along_axis(self.relevant, np.take_along_axis(best, order, axis=1), axis=1)
        hit = np.where(np.isfinite(np.take_along_axis(value, order, axis=1)), hit, 0)
        found: NDArray[np.float64] = (hit * _discount(k)).sum(axis=1) / self.ideal
        return found

    def of(self, users: NDArray[np.int64]) -> CandidateLists:
        """Return the lists of some of the users, by their position here."""
        return CandidateLists(
            self.values[:, users], self.eligible[users], self.relevant[users], self.place[users],
            self.ideal[users], self.k,
        )  # fmt: skip

    def mix(self, weights: NDArray[np.float64]) -> Values:
        """Return the weighted sum of the components, float32 (n_users, width).

        Args:
            weights: float64 (n_components,).
        """
        return np.asarray(np.tensordot(weights.astype(np.float32), self.values, axes=1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class BlendCandidates:
    """Candidates of some users with every component's score.

    Args:
        values: float32 (n_components, n_users, width), 0 where padded.
        items: int32 (n_users, width), -1 where padded.
        relevant: float32 (n_users, width), value of showing an item; 0 where not relevant.
        place: int64 (n_users, width), popularity bucket; 0 = cold, also where padded.
        n_relevant: float64 (3, n_users): relevant items that are cold, warm, of any kind.
        both: bool (n_users,): users of the overall slice.
    """

    values: Values
    items: NDArray[np.int32]
    relevant: Values
    place: NDArray[np.int64]
    n_relevant: NDArray[np.float64]
    both: NDArray[np.bool_]

    @classmethod
    def build(
        cls,
        scorers: Sequence[Scorer],
        split: Split,
        users: NDArray[np.int64],
        depth: int,
        buckets: NDArray[np.int64],
        length: int | None = None,
        item_value: Values | None = None,
    ) -> BlendCandidates:
        """Pool each component's `depth` best cold and `depth` best warm items for each user.

        Args:
            scorers: Fitted components.
            split: Its validation truth labels the items.
            users: int64, users to pool.
            depth: Items taken per component and side.
            buckets: int64 (n_items,), popularity bucket of each item, 0 = cold.
            length: Only this many events of each history are known, the latest where there is an
                order; None means all. What was left out is still not recommended.
            item_value: float32 (n_items,), value of a relevant item; None means 1 each.
        """
        histories, excluded, truth = recent(split, users, length), split.excluded(), split.truth()
        n_items, n_users = split.data.n_items, len(users)
        step = max(1, CELLS // n_items)
        sides = (split.candidates & split.cold, split.candidates & split.warm)
        width = 1
        parts = []
        for start in range(0, n_users, step):
            block = users[start : start + step]
            scores = [with_context(s, block).score(histories[start : start + step]) for s in scorers]
            member = np.zeros((len(block), n_items), dtype=bool)
            for each in scores:
                for side in sides:
                    items, _ = top_k(each, depth, excluded[block], side)
                    row, column = np.nonzero(items >= 0)
                    member[row, items[row, column]] = True
            row, item = np.nonzero(member)
            place = np.arange(len(row)) - np.searchsorted(row, row)
            width = max(width, int(place.max(initial=-1)) + 1)
            hit = (np.asarray(truth[block][row, item]).ravel() > 0).astype(np.float32)
            hit = hit if item_value is None else hit * item_value[item]
            parts.append((start + row, place, item, hit, [s[row, item] for s in scores]))
        return cls._packed(parts, split, truth[users], width, len(scorers), buckets)

    @classmethod
    def _packed(
        cls, parts: list[Any], split: Split, truth: sp.csr_matrix, width: int, m: int, buckets: Any
    ) -> BlendCandidates:
        n_users = truth.shape[0]
        items = np.full((n_users, width), -1, dtype=np.int32)
        relevant = np.zeros((n_users, width), dtype=np.float32)
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
        bucket = np.where(items >= 0, buckets[np.maximum(items, 0)], 0)
        return cls(values, items, relevant, bucket, counts, both)

    @staticmethod
    def joined(pools: Sequence[BlendCandidates]) -> BlendCandidates:
        """Concatenate the users of several pools with equal components."""
        if len(pools) == 1:
            return pools[0]
        width = max(pool.items.shape[1] for pool in pools)

        def wide(array: NDArray[Any], fill: float) -> NDArray[Any]:
            room = [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])]
            return np.pad(array, room, constant_values=fill)

        return BlendCandidates(
            np.concatenate([wide(p.values, 0) for p in pools], axis=1),
            np.concatenate([wide(p.items, -1) for p in pools]),
            np.concatenate([wide(p.relevant, 0) for p in pools]),
            np.concatenate([wide(p.place, 0) for p in pools]),
            np.concatenate([p.n_relevant for p in pools], axis=1),
            np.concatenate([p.both for p in pools]),
        )

    @property
    def cold(self) -> NDArray[np.bool_]:
        """bool (n_users, width)."""
        found: NDArray[np.bool_] = (self.items >= 0) & (self.place == 0)
        return found

    def scales(self) -> NDArray[np.float64]:
        """Standard deviation of each component on the cold and the warm side, float64 (2, m)."""
        found = np.zeros((2, len(self.values)))
        for side, inside in enumerate((self.cold, (self.items >= 0) & ~self.cold)):
            if inside.any():
                found[side] = [float(value[inside].std()) for value in self.values]
        return found

    def standardised(self, scale: NDArray[np.float64]) -> BlendCandidates:
        """Divide the values by scales (2, m); components with scale 0 stay as they are."""
        divisor = np.where(scale > 0, scale, 1.0).astype(np.float32)
        values = np.where(self.cold, self.values / divisor[0, :, None, None], self.values)
        warm = (self.items >= 0) & ~self.cold
        return replace(self, values=np.where(warm, values / divisor[1, :, None, None], values))

    def thinned(self, share: float, seed: int) -> BlendCandidates:
        """Return the pool with relevant cold items thinned to a share of all relevant ones.

        Those that go are neither targets nor mistakes. Nothing is added where there are fewer.

        Args:
            share: In [0, 1).
            seed: Random seed of the draw.
        """
        cold, warm, _ = self.n_relevant
        wanted = share / max(1e-9, 1 - share) * warm.sum()
        rate = min(1.0, wanted / max(1.0, cold.sum()))
        rng = generator(seed, "demand")
        gone = self.cold & (self.relevant > 0) & (rng.random(self.items.shape) >= rate)
        inside = (self.cold & (self.relevant > 0)).sum(axis=1)
        outside = rng.binomial((cold - inside).astype(np.int64), rate)
        left = (inside - gone.sum(axis=1) + outside).astype(np.float64)
        counts = np.stack([left, warm, left + warm])
        items = np.where(gone, -1, self.items).astype(np.int32)
        return replace(
            self,
            items=items,
            relevant=np.where(gone, np.float32(0), self.relevant),
            n_relevant=counts,
            both=counts[2] > 0,
        )

    def slate(self, which: str, k: int, users: NDArray[np.bool_] | None = None) -> CandidateLists:
        """Pack one slice: the users with a relevant item in it, and its items.

        Args:
            which: "cold", "warm" or "overall".
            k: Length of the lists.
            users: bool (n_users,), users to include; None means all.
        """
        side = SIDES.index(which)
        able = self.both if which == "overall" else self.n_relevant[side] > 0
        rows = np.flatnonzero(able if users is None else able & users)
        eligible = self.items[rows] >= 0
        if which != "overall":
            eligible &= self.cold[rows] if which == "cold" else ~self.cold[rows]
        order = np.argsort(~eligible, axis=1, kind="stable")
        order = order[:, : max(1, int(eligible.sum(axis=1).max(initial=0)))]
        ideal = np.cumsum(_discount(k))[np.clip(self.n_relevant[side][rows], 1, k).astype(int) - 1]
        return CandidateLists(
            np.take_along_axis(self.values[:, rows], order[None], axis=2),
            np.take_along_axis(eligible, order, axis=1),
            np.take_along_axis(self.relevant[rows], order, axis=1),
            np.take_along_axis(self.place[rows], order, axis=1),
            ideal, k,
        )  # fmt: skip

    def cold_slots(self, scores: Values, k: int) -> float:
        """Compute the share of cold items in the k places of all lists, in [0, 1].

        Args:
            scores: float32 (n_users, width).
            k: Length of the lists.
        """
        if not len(self.items):
            return 0.0
        shown = np.where(self.items >= 0, scores, -np.inf)
        best = np.argpartition(-shown, min(k, shown.shape[1]) - 1, axis=1)[:, :k]
        return float(np.take_along_axis(self.cold, best, axis=1).mean())


def recent(split: Split, users: NDArray[np.int64], length: int | None = None) -> Histories:
    """Return histories of some users cut to their last events.

    Args:
        split: Its training events.
        users: int64, inner indices.
        length: Events kept per user, the latest ones, or a draw where nothing orders them; None
            keeps all.
    """
    if length is None:
        return split.histories()[users]
    data, rows = split.data, split.train
    if data.interactions.order is None:
        key = generator(0, "recent").random(len(rows))
        rows = rows[np.argsort(key, kind="stable")]
        events = data.interactions.user[rows], data.interactions.item[rows]
        shuffled = Histories.of_events(*events, (data.n_users, data.n_items))
        return Histories.of_matrix(shuffled.last(length)[users].matrix())
    return split.histories()[users].last(length)


def _discount(k: int) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 1.0 / np.log2(np.arange(2, k + 2))
    return found
