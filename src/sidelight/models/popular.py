"""Popularity, the baseline that everything must beat and the answer when nothing is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.models.check_arguments import need_split
from sidelight.models.recommender import Recommender
from sidelight.models.similarity_scorers import ConstantScorer
from sidelight.option_types import Positive, checked
from sidelight.progress import Progress

MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
@checked
class Popular:
    """Items by number of users, recent ones counting more when a half-life is given.

    score(j) = sum over the users who have j of 2^(-age / half_life), age measured from their last event
    on j to the last training event of all.

    Args:
        half_life: Days after which an event counts half; None counts all alike. Needs timestamps.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.Popular().fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    half_life: Positive | None = None

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Count the training events (one per user and item)."""
        split = need_split(split, self)
        data = split.data
        if self.half_life is not None and data.interactions.timestamp is None:
            fix = "leave half_life out, or add timestamps"
            raise SpecError(complain("timestamps for a half-life", "none in the data", "Popular", fix))
        if self.half_life is None or data.interactions.timestamp is None:
            values = np.asarray(split.fitting().sum(axis=0)).ravel()
        else:
            last = self._latest(split)
            when = data.interactions.timestamp[last]
            age = (when.max() - when) / MICROSECONDS_A_DAY if len(when) else np.zeros(0)
            values = np.bincount(
                data.interactions.item[last],
                weights=0.5 ** (age / self.half_life),
                minlength=data.n_items,
            )
        return Recommender.of(self, ConstantScorer(values.astype(np.float32)), split)

    def _latest(self, split: Split) -> NDArray[np.int64]:
        """The last training event of each user and item; events are in the order of time."""
        log, rows = split.data.interactions, split.fit_rows[::-1]
        pair = log.user[rows].astype(np.int64) * split.data.n_items + log.item[rows]
        _, first = np.unique(pair, return_index=True)
        return rows[first]
