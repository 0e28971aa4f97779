"""Held-out users with the scores of components that never saw what is held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sidelight.data.cold_demand import Demand, future_weights, holds_items_out
from sidelight.data.split.selection import selection_split, usable_events
from sidelight.data.split.split import Split
from sidelight.models.blend_candidates import BlendCandidates
from sidelight.models.components import Components
from sidelight.models.recency import with_recency
from sidelight.models.scorer import Scorer
from sidelight.seeding import generator

if TYPE_CHECKING:
    from sidelight.models.blend import Blend

Users = NDArray[np.int64]
ENOUGH = 500  # validation events on warm items from which on one draw is enough
FOLDS = 3
CUT_USERS = 400  # users looked at per length of history
LONG = 10  # events from which on a history counts as long


def folds_of(split: Split) -> list[Split]:
    """Return the splits that weights are chosen on: one where validation is enough, else `FOLDS`.

    Empty where not one usable validation event can be had.
    """
    first = selection_split(split)
    found = usable_events(first, cold=False)
    if not found + usable_events(first, cold=True):
        return []
    count = FOLDS if 0 < found < ENOUGH else 1
    folds = [first, *(selection_split(split, fold=fold) for fold in range(1, count))]
    # Nothing is chosen by a look at the test part, not even to leave its pairs out.
    return [each.blind() for each in folds]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Users of one or several folds with what was held out of their histories.

    Args:
        folds: Splits the components were fitted on; the split itself where nothing could be held out.
        scorers: Scorers of the components, per fold.
        users: int64, users looked at, per fold.
        whole: Their pool with histories as they are, values divided by `scale`.
        natural: The same with new items as wanted as the future is expected to want them.
        scale: float64 (2, m), standard deviation of each component on cold and on warm items.
        measured: False where nothing could be held out: the pools then hold no relevant item.
        item_value: float32 (n_items,), weight of held-out events, by their item.
        share: Share of relevant items in `natural` that are new; None takes them as they are.
    """

    folds: tuple[Split, ...]
    scorers: tuple[list[Scorer], ...]
    users: tuple[Users, ...]
    whole: BlendCandidates
    natural: BlendCandidates
    scale: NDArray[np.float64]
    measured: bool
    item_value: NDArray[np.float32]
    share: float | None = None

    @classmethod
    def gather(cls, spec: Blend, split: Split, parts: Components, demand: Demand | None) -> Evidence:
        """Fit the components on every fold and pool what they would show.

        Args:
            spec: For `users`, `depth`, `edges` and `seed`.
            split: To choose for.
            parts: The components.
            demand: Share of new items that the future is expected to want; None takes their share
                in validation for it.
        """
        held = folds_of(split)
        folds = held or [replace(split, validation=split.validation[:0]).blind()]
        scorers = tuple(parts.scorers(each) for each in folds)
        users = tuple(_sample(each, spec.users, spec.seed + at, bool(held)) for at, each in enumerate(folds))
        rest = (tuple(folds), users, future_weights(split, demand))
        whole, scale = _pooled(spec, scorers, *rest)
        hidden = holds_items_out(split) or any((each.cold & split.simulated).any() for each in folds)
        share = None if demand is None or not hidden else demand.share
        return cls(
            rest[0], scorers, users, whole, _natural(spec, whole, share), scale, bool(held), rest[2], share
        )

    def decayed(self, spec: Blend, decay: float, most: int | None = None) -> Evidence:
        """Return the evidence with scores that weigh the events of histories by recency.

        Args:
            spec: As in `gather`.
            decay: See `RecencyScorer`.
            most: Users looked at per fold at most; None keeps all.
        """
        scorers = tuple([with_recency(each, decay) for each in fold] for fold in self.scorers)
        users = self.users
        if most is not None:
            users = tuple(sampled(each, most, spec.seed, "recency") for each in users)
        whole, scale = _pooled(spec, scorers, self.folds, users, self.item_value)
        natural = _natural(spec, whole, self.share)
        return replace(self, scorers=scorers, users=users, whole=whole, natural=natural, scale=scale)

    def cut(self, spec: Blend, length: int | None) -> BlendCandidates | None:
        """Pool users with just `length` events of each history known; None where no user has so many.

        Args:
            spec: As in `gather`.
            length: Events; None takes users with `LONG` events and more, as they are.
        """
        pools = []
        for at, (split, scorers, users) in enumerate(zip(self.folds, self.scorers, self.users, strict=True)):
            size = split.histories().lengths[users]
            able = users[size >= (length or LONG)]
            able = sampled(able, CUT_USERS, spec.seed + at, "cut", str(length))
            if len(able):
                buckets = buckets_of(split, spec.edges)
                pools.append(
                    BlendCandidates.build(scorers, split, able, spec.depth, buckets, length, self.item_value)
                )
        return BlendCandidates.joined(pools).standardised(self.scale) if pools else None


def _pooled(
    spec: Blend,
    scorers: Sequence[Sequence[Scorer]],
    folds: Sequence[Split],
    users: Sequence[Users],
    item_value: NDArray[np.float32],
) -> tuple[BlendCandidates, NDArray[np.float64]]:
    """Pool the users of all folds: candidates with values divided by the scales, and the scales (2, m)."""
    pools = [
        BlendCandidates.build(s, each, u, spec.depth, buckets_of(each, spec.edges), item_value=item_value)
        for s, each, u in zip(scorers, folds, users, strict=True)
    ]
    whole = BlendCandidates.joined(pools)
    scale = whole.scales()
    return whole.standardised(scale), scale


def _natural(spec: Blend, whole: BlendCandidates, share: float | None) -> BlendCandidates:
    return whole if share is None else whole.thinned(share, spec.seed)


def _sample(split: Split, most: int, seed: int, relevant: bool) -> Users:
    """Users with something relevant and a history; without evidence, users with a history."""
    able = split.histories().lengths > 0
    if relevant:
        able &= split.truth().getnnz(axis=1) > 0
    return sampled(np.flatnonzero(able), most, seed, "blend")


def sampled(users: Users, most: int, seed: int, *stream: str) -> Users:
    """Draw at most so many users, in ascending order; all of them where there are no more."""
    if len(users) <= most:
        return users
    return np.sort(generator(seed, *stream).choice(users, most, replace=False))


def buckets_of(split: Split, edges: tuple[int, ...]) -> NDArray[np.int64]:
    """Popularity bucket of each item, int64 (n_items,): 0 cold, 1 and up by training users."""
    count = np.asarray(split.fitting().sum(axis=0)).ravel()
    bucket = 1 + np.searchsorted(np.asarray(edges), count, side="right")
    return np.where(split.cold, 0, bucket).astype(np.int64)
