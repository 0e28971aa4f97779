"""Held-out users with the scores of components that never saw what is held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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


def carved(fold: Split, split: Split) -> int:
    """Count the events that a fold holds out of the training events of its split."""
    return len(np.setdiff1d(fold.validation, split.validation))


def as_of(split: Split) -> Split:
    """Return the split as it stood when the validation events came: what was later is not known yet.

    For each user the middle one of the validation events, in time, divides: earlier training events are
    the history, validation events from there on are the truth, and later training events are neither
    (they get no rank). A random draw of events would else show what a user chose afterwards, and hide
    what order is worth. Users without validation events, and splits of unknown order, stay as they are.
    """
    log = split.data.interactions
    if log.order is None or not len(split.validation):
        return split
    rows = split.validation[np.lexsort((log.order[split.validation], log.user[split.validation]))]
    user, start, count = np.unique(log.user[rows], return_index=True, return_counts=True)
    pivot = np.full(split.data.n_users, np.iinfo(np.int64).max)
    pivot[user] = log.order[rows[start + (count - 1) // 2]]
    early = log.order[split.train] <= pivot[log.user[split.train]]
    if early.all():
        return split
    late = log.order[split.validation] >= pivot[log.user[split.validation]]
    return replace(
        split,
        train=split.train[early],
        validation=split.validation[late],
        sealed=np.sort(np.concatenate([split.train[~early], split.validation[~late]])),
        given=split.given[np.isin(split.given, split.train[early])],
        mask="others",
    )


@dataclass(frozen=True, eq=False)
class Evidence:
    """Users of one or several folds with what was held out of their histories.

    Args:
        spec: Options of the blend: `users`, `depth`, `edges` and `seed` are read.
        folds: Splits the components were fitted on; the split itself where nothing could be held out.
        views: The folds with the histories to look at: what was held out of training by a random draw
            is asked for as the future would be, see `as_of`; validation as its split asks for it.
        scorers: Scorers of the components, per fold.
        users: int64, users looked at, per fold.
        measured: False where nothing could be held out: the pools then hold no relevant item.
        item_value: float32 (n_items,), weight of held-out events, by their item.
        share: Share of relevant items in `natural` that are new; None takes them as they are.
    """

    spec: Blend
    folds: Sequence[Split]
    views: Sequence[Split]
    scorers: Sequence[Sequence[Scorer]]
    users: Sequence[Users]
    measured: bool
    item_value: NDArray[np.float32]
    share: float | None

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
        # Of what is held out, most was taken from training, or most is validation.
        mostly = [2 * carved(each, split) > len(each.validation) for each in folds]
        views = [as_of(each) if taken else each for each, taken in zip(folds, mostly, strict=True)]
        users = [_sample(each, spec.users, spec.seed + at, bool(held)) for at, each in enumerate(views)]
        hidden = holds_items_out(split) or any((each.cold & split.simulated).any() for each in folds)
        share = None if demand is None or not hidden else demand.share
        return cls(spec, folds, views, scorers, users, bool(held), future_weights(split, demand), share)

    @cached_property
    def _scaled(self) -> tuple[BlendCandidates, NDArray[np.float64]]:
        pool = self._pool(self.users)
        scale = pool.scales()
        return pool.standardised(scale), scale

    @property
    def whole(self) -> BlendCandidates:
        """Pool of the users with histories as they are, values divided by `scale`."""
        return self._scaled[0]

    @property
    def scale(self) -> NDArray[np.float64]:
        """float64 (2, m): standard deviation of each component on cold and on warm items."""
        return self._scaled[1]

    @cached_property
    def natural(self) -> BlendCandidates:
        """The whole pool with new items as wanted as the future is expected to want them."""
        return self.whole if self.share is None else self.whole.thinned(self.share, self.spec.seed)

    def decayed(self, decay: float, most: int | None = None) -> Evidence:
        """Return the evidence with scores that weigh the events of histories by recency.

        Args:
            decay: See `RecencyScorer`.
            most: Users looked at per fold at most; None keeps all.
        """
        scorers = [[with_recency(each, decay) for each in fold] for fold in self.scorers]
        users = self.users
        if most is not None:
            users = [sampled(each, most, self.spec.seed, "recency") for each in users]
        return replace(self, scorers=scorers, users=users)

    def cut(self, length: int | None) -> BlendCandidates | None:
        """Pool users with just `length` events of each history known; None where no user has so many.

        Args:
            length: Events; None takes users with `LONG` events and more, as they are.
        """
        kept = []
        for at, (view, users) in enumerate(zip(self.views, self.users, strict=True)):
            able = users[view.histories().lengths[users] >= (length or LONG)]
            kept.append(sampled(able, CUT_USERS, self.spec.seed + at, "cut", str(length)))
        return self._pool(kept, length).standardised(self.scale) if any(map(len, kept)) else None

    def _pool(self, users: Sequence[Users], length: int | None = None) -> BlendCandidates:
        """Pool users of each fold, see `BlendCandidates.build`."""
        edges, depth = self.spec.edges, self.spec.depth
        return BlendCandidates.joined(
            [
                BlendCandidates.build(s, view, u, depth, buckets_of(fold, edges), length, self.item_value)
                for s, fold, view, u in zip(self.scorers, self.folds, self.views, users, strict=True)
            ]
        )


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
