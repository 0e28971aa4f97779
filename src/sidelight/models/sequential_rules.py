"""`SequentialRules`: neighbours by what came soon after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sidelight.data.histories import Histories
from sidelight.data.split.split import Split
from sidelight.errors import DataError, complain
from sidelight.models.check_arguments import need_split
from sidelight.models.knn_graph import strongest
from sidelight.models.recency import with_recency
from sidelight.models.recommender import Recommender
from sidelight.models.similarity_scorers import SparseSimilarityScorer
from sidelight.option_types import Count, NonNegative, SomeShare, checked
from sidelight.progress import Progress


@dataclass(frozen=True)
@checked
class SequentialRules:
    """Item neighbours that know the order of events: what was chosen next, or a little later.

    score(h, j) = sum_s decay^s w(h_s, j), with h_s the event s steps from the newest, and
    w(i, j) = c_ij / (n_i + shrink). c_ij adds up 1 / d over the users who chose j in the d-th place after
    i, d <= window; n_i counts the users of i.

    Items without events are never proposed, and where the order of the events is unknown there is
    nothing to learn: blend it with content models. `sidelight.automatic` does so where events have an
    order.

    Args:
        window: Places after an item that still count.
        decay: Weight of an event beside the one after it, in (0, 1]. 1 weighs all events alike.
        shrink: Damps weights that rest on few users.
        neighbours: Items kept that come after an item.
        floor: Add popularity to the scores of short histories, see `models.score_floor.with_floor`.

    Source: Ludewig and Jannach, "Evaluation of session-based recommendation algorithms" (UMUAI 2018),
    there for the last event alone and without shrinkage.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.leave_last_out(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.SequentialRules(window=5).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    window: Count = 10
    decay: SomeShare = 0.6
    shrink: NonNegative = 10.0
    neighbours: Count = 200
    floor: bool = True

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Count what came after what in the training histories.

        Raises:
            DataError: The order of the events is unknown.
        """
        split = need_split(split, self)
        data = split.data
        histories = data.interactions.histories(data.shape, split.fit_rows)
        if not histories.ordered:
            fix = "name a timestamp column, or use ItemKNN"
            raise DataError(complain("events in a known order", "none", "SequentialRules.fit", fix))
        users = np.bincount(histories.item, minlength=data.n_items).astype(np.float64)
        rules = successions(histories, self.window, progress).tocoo()
        confidence = rules.data / (users[rules.row] + self.shrink)
        weights = sp.csc_matrix((confidence, (rules.col, rules.row)), shape=rules.shape)
        kept = sp.csr_matrix(strongest(weights, 0, self.neighbours).T, dtype=np.float32)
        kept.sort_indices()
        return Recommender.of(self, with_recency(SparseSimilarityScorer(kept), self.decay), split)


def successions(histories: Histories, window: int, progress: Progress | None = None) -> sp.csr_matrix:
    """Count successions, nearer ones more.

    Args:
        histories: n_users rows over n_items items, in order.
        window: Largest distance d; a succession counts 1 / d.
        progress: Called as (done, total, label).

    Returns:
        CSR float64 (n_items, n_items): row = earlier item, column = later item.
    """
    user = np.repeat(np.arange(len(histories)), histories.lengths)
    n_items = histories.shape[1]
    found = sp.csr_matrix((n_items, n_items))
    most = min(window, int(histories.lengths.max(initial=1)) - 1)
    for distance in range(1, most + 1):
        same = user[:-distance] == user[distance:]
        pairs = histories.item[:-distance][same], histories.item[distance:][same]
        found += sp.csr_matrix((np.full(len(pairs[0]), 1 / distance), pairs), shape=found.shape)
        if progress is not None:
            progress(distance, most, "successions")
    return found
