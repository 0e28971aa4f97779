"""`ItemKNN`: neighbours by who touched both items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sidelight.data.split.split import Split
from sidelight.models.check_arguments import need_split
from sidelight.models.knn_graph import cosine_counts, neighbour_graph
from sidelight.models.recommender import Recommender
from sidelight.models.similarity_scorers import SparseSimilarityScorer
from sidelight.option_types import Count, NonNegative, Power, Share, checked
from sidelight.progress import Progress


@dataclass(frozen=True)
@checked
class ItemKNN:
    """Item-based collaborative filtering with shrunk cosine.

    s(i, j) = c_ij / (sqrt(n_i n_j) + shrink); see `neighbour_graph` for `power` and `hub`.

    Args:
        neighbours: Neighbours kept an item.
        shrink: Damps similarities that rest on few users.
        power, hub: See `neighbour_graph`.
        floor: Add popularity to the scores of short histories, see `models.floor.with_floor`.

    Source: Sarwar et al. (WWW 2001); shrinkage as in Bell and Koren (ICDM 2007).

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.ItemKNN(neighbours=20).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    neighbours: Count = 200
    shrink: NonNegative = 30.0
    power: Power = 1.0
    hub: Share = 0.3
    floor: bool = True

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Similarities of the training histories."""
        split = need_split(split, self)
        histories = split.fitting()
        touched = np.flatnonzero(histories.getnnz(axis=0))
        graph = neighbour_graph(
            cosine_counts(histories, self.shrink),
            touched, touched, split.data.n_items,
            self.neighbours, self.power, self.hub, progress,
        )  # fmt: skip
        return Recommender.of(self, SparseSimilarityScorer(graph), split)
