"""`Blend`: one calibrated list of old and new items from several models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sidelight.content.encoder import Progress
from sidelight.data.split import Split
from sidelight.errors import SpecError, complain
from sidelight.models.arguments import need_split
from sidelight.models.mixture import Mixture
from sidelight.models.pool import Pool
from sidelight.models.recommender import Recommender
from sidelight.seeding import generator

GRID = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
STEPS = (0.25, 0.5, 0.7, 0.85, 0.95, 1.05, 1.2, 1.4, 2.0, 4.0)
FEW = 50  # relevant cold items on validation below which their fair share is not known
TOLERANCE = 1e-4  # a gain in mean NDCG below this is noise at these sample sizes


class Fittable(Protocol):
    """A frozen spec with `fit(split, progress) -> Recommender`."""

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Fit on the training events of the split."""
        ...


@dataclass(frozen=True)
class Blend:
    """A weighted sum of models, chosen on validation users and on cold items together.

    score(j) = gain[bucket(j)] * sum_m weight[side(j), m] * score_m(j) / scale_m. Cold and warm
    items have their own weights, since only content says anything about a cold item; the gains,
    one a popularity bucket, put both on one scale, so that ONE list holds them in fair proportion.

    Weights are found by coordinate ascent on validation NDCG@k of the cold and of the warm list,
    gains on the sum of warm and overall NDCG@k. Scores of new items are less certain, so that NDCG
    alone can leave them no slot at all; `exposure` then raises their gain. When validation has too
    few cold items, training items are hidden to stand in for them (`Split.selection`), and the
    components are fitted again on all training events afterwards.

    Args:
        components: Specs of the models to blend.
        k: Length of the lists that are optimised.
        users: At most this many validation users are looked at.
        depth: Items a user taken from each component and side, >= k.
        edges: Popularity buckets of warm items: training users from 1, from edges[0], ...
        exposure: Cold items get at least this multiple of their fair number of slots on validation,
            which is their share of what users chose; 0 leaves it to NDCG, 1 is parity. It is left
            to NDCG as well where validation has fewer than 50 relevant cold items.
        seed: Of the draw of users.
    """

    components: tuple[Fittable, ...]
    k: int = 20
    users: int = 3000
    depth: int = 100
    edges: tuple[int, ...] = (4, 10, 30)
    exposure: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.components:
            raise SpecError(complain("at least one component", "none", "Blend"))
        if self.depth < self.k:
            raise SpecError(complain(f"depth >= k = {self.k}", f"{self.depth}", "Blend"))
        if not 0 <= self.exposure <= 1:
            raise SpecError(complain("exposure in [0, 1]", f"{self.exposure}", "Blend"))

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Fit the components, choose the weights, and fit again if items were hidden."""
        split = need_split(split, self)
        choosing = split.selection()
        fitted = [spec.fit(choosing, _named(progress, spec)).scorer for spec in self.components]
        # Nothing is chosen by a look at the test part, not even to leave its pairs out.
        tuning = replace(choosing, mask="seen")
        pool = Pool.build(fitted, tuning, self._sample(tuning), self.depth)
        scale = pool.scales()
        pool.standardise(scale)
        side_weights = self._weights(pool, scale, progress)
        if choosing is not split and len(split.validation):
            tuning = natural(tuning, split, self.seed)
            pool = Pool.build(fitted, tuning, self._sample(tuning), self.depth)
            pool.standardise(scale)
        gains = self._gains(pool, side_weights, self._buckets(choosing), progress)
        if choosing is not split:
            fitted = [spec.fit(split, _named(progress, spec, " again")).scorer for spec in self.components]
        mixture = Mixture.build(
            fitted, side_weights / np.where(scale > 0, scale, 1), gains, self._buckets(split)
        )
        return Recommender.of(self, mixture, split)

    def _sample(self, split: Split) -> NDArray[np.int64]:
        users = np.flatnonzero(split.truth().getnnz(axis=1))
        if not len(users):
            raise SpecError(
                complain(
                    "validation events to choose weights on", "none", "Blend", "make a larger validation part"
                )
            )
        if len(users) > self.users:
            users = np.sort(generator(self.seed, "blend").choice(users, self.users, replace=False))
        return users

    def _buckets(self, split: Split) -> NDArray[np.int64]:
        """int64 (n_items,): 0 cold, 1 and up by training users."""
        count = np.asarray(split.fitting().sum(axis=0)).ravel()
        bucket = 1 + np.searchsorted(np.asarray(self.edges), count, side="right")
        return np.where(split.cold, 0, bucket).astype(np.int64)

    def _weights(
        self, pool: Pool, scale: NDArray[np.float64], progress: Progress | None
    ) -> NDArray[np.float64]:
        """Weights (2, m) of standardised components on the cold and the warm side."""
        weights = np.zeros(scale.shape)
        for side, which in enumerate(("cold", "warm")):
            usable = scale[side] > 0

            def quality(w: NDArray[np.float64], which: str = which) -> float:
                return pool.ndcg(_mix(w, pool.values), which, self.k)

            weights[side] = ascend(quality, usable) if usable.any() else 0.0
            if progress is not None:
                progress(side + 1, 3, "blend weights")
        return weights

    def _gains(
        self, pool: Pool, weights: NDArray[np.float64], buckets: NDArray[np.int64], progress: Progress | None
    ) -> NDArray[np.float64]:
        """Factor of each popularity bucket, the first one that of cold items."""
        mixed = np.where(pool.cold, _mix(weights[0], pool.values), _mix(weights[1], pool.values))
        place = np.where(pool.items >= 0, buckets[np.maximum(pool.items, 0)], 0)
        gains = np.ones(len(self.edges) + 2)

        def quality(candidate: NDArray[np.float64]) -> float:
            scores = (candidate[place] * mixed).astype(np.float32)
            return pool.ndcg(scores, "overall", self.k) + pool.ndcg(scores, "warm", self.k)

        best = quality(gains)
        for _ in range(4):
            before = best
            for bucket in range(len(gains)):
                for step in STEPS:
                    tried = gains.copy()
                    tried[bucket] *= step
                    found = quality(tried)
                    if found > best + TOLERANCE:
                        best, gains = found, tried
            if best <= before + TOLERANCE:
                break
        gains = self._exposed(pool, mixed, place, gains)
        if progress is not None:
            progress(3, 3, "blend weights")
        return gains

    def _exposed(
        self,
        pool: Pool,
        mixed: NDArray[np.float32],
        place: NDArray[np.int64],
        gains: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """The gains with that of cold items raised until these have their slots.

        Where few cold items have any score, they are asked to fill half of what they could at most:
        all of them on top of every list would be no calibration. With fewer than `FEW` relevant
        cold items on validation nothing is raised.
        """
        if pool.n_relevant[0, pool.both].sum() < FEW:
            return gains
        reachable = np.minimum(((mixed > 0) & pool.cold).sum(axis=1), self.k)[pool.both]
        possible = float(reachable.mean()) / self.k if len(reachable) else 0.0
        target = self.exposure * min(pool.cold_relevance, possible / 2)
        raised = gains.copy()
        for factor in np.geomspace(1.0, 1000.0, 200):
            raised[0] = gains[0] * factor
            if pool.cold_slots((raised[place] * mixed).astype(np.float32), self.k) >= target:
                return raised
        return gains


def natural(tuning: Split, split: Split, seed: int) -> Split:
    """A selection split whose hidden items have events at the rate of validation.

    `selection` turns all training events of the hidden items into validation events. Beside a
    validation part that is much shorter than training these would be far too many, and new items
    would seem more wanted than they are. The share that is kept is |validation| / |train|; the
    others are masked: neither a target nor a mistake.

    Args:
        tuning: What `split.selection()` gave.
        split: The split itself.
        seed: Of the draw.
    """
    hidden = np.setdiff1d(tuning.validation, split.validation)
    share = len(split.validation) / max(1, len(split.train))
    kept = generator(seed, "natural").random(len(hidden)) < share
    rows = np.sort(np.concatenate([split.validation, hidden[kept]]))
    return replace(tuning, validation=rows, sealed=hidden[~kept], mask="others")


def _named(progress: Progress | None, spec: object, again: str = "") -> Progress | None:
    """The callback with the component's name before the label."""
    if progress is None:
        return None
    report = progress
    return lambda done, total, label: report(done, total, f"{type(spec).__name__}{again}: {label}")


def _mix(weights: NDArray[np.float64], values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.tensordot(weights.astype(np.float32), values, axes=1), dtype=np.float32)


def ascend(quality: Callable[[NDArray[np.float64]], float], usable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Coordinate ascent over `GRID` from the best single component; never worse than that one.

    Args:
        quality: To be maximised, of weights (m,).
        usable: bool (m,), components that may have weight.
    """
    single = [quality(row) if usable[at] else -np.inf for at, row in enumerate(np.eye(len(usable)))]
    lead = int(np.argmax(single))
    weights: NDArray[np.float64] = np.eye(len(usable))[lead]
    best = single[lead]
    for _ in range(4):
        before = best
        for at in np.flatnonzero(usable):
            for value in GRID:
                tried = weights.copy()
                tried[at] = value
                if at == lead and value == 0.0 and np.count_nonzero(tried) == 0:
                    continue
                found = quality(tried)
                if found > best + TOLERANCE:
                    best, weights = found, tried
        if best <= before + TOLERANCE:
            break
    return weights
