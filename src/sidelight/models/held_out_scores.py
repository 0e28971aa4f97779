"""Held-out users with the scores of components that never saw what is held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sidelight.data.cold_demand import Demand, future_weights, holds_items_out
from sidelight.data.split.selection import selection_split, usable_events
from sidelight.data.split.split import Split
from sidelight.models.blend_candidates import BlendCandidates
from sidelight.models.components import Components
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
    """

    folds: tuple[Split, ...]
    scorers: tuple[list[Scorer], ...]
    users: tuple[Users, ...]
    whole: BlendCandidates
    natural: BlendCandidates
    scale: NDArray[np.float64]
    measured: bool
    item_value: NDArray[np.float32]

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
        scorers = [parts.scorers(each) for each in folds]
        item_value = future_weights(split, demand)
        users = [_sample(each, spec.users, spec.seed + at, bool(held)) for at, each in enumerate(folds)]
        whole = BlendCandidates.joined(
            [
                BlendCandidates.build(
                    s, each, u, spec.depth, buckets_of(each, spec.edges), item_value=item_value
                )
                for s, each, u in zip(scorers, folds, users, strict=True)
            ]
        )
        scale = whole.scales()
        whole = whole.standardised(scale)
        hidden = holds_items_out(split) or any((each.cold & split.simulated).any() for each in folds)
        thin = whole if demand is None or not hidden else whole.thinned(demand.share, spec.seed)
        return cls(tuple(folds), tuple(scorers), tuple(users), whole, thin, scale, bool(held), item_value)

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
