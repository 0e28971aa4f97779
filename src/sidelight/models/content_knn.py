"""Item-neighbour models on content, and on content and interactions together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.cache import Cache
from sidelight.content.protocols import Content
from sidelight.data.histories import Histories, matrix_of
from sidelight.data.split.split import Split
from sidelight.models.check_arguments import need_split
from sidelight.models.content_space import ContentSpace
from sidelight.models.hybrid_similarity import HybridSimilarity
from sidelight.models.item_knn import ItemKNN as ItemKNN
from sidelight.models.knn_graph import neighbour_graph, two_step_graph
from sidelight.models.recommender import Recommender
from sidelight.models.scorer import (
    ContentBased,
    HistoryOnly,
    LinearInHistory,
    Places,
    Scores,
    SpaceChange,
    State,
    additive,
)
from sidelight.models.term_contributions import WordParts, largest
from sidelight.option_types import SOME, Count, NonNegative, Positive, Power, Share, checked
from sidelight.progress import Progress
from sidelight.storage import placed, under


@dataclass(frozen=True)
@checked
class ContentKNN:
    """Item-neighbour model on content: history items score the items nearest to them.

    Needs no interaction of the scored item, so it is the reference for new items. With few interactions
    few items may be neighbours; with `steps=2` the weights also reach over one item in between, which
    may be cold, see `two_step_graph`.

    Args:
        content: Modalities, e.g. `(Text("title", encoder="minilm"),)`; lexical and dense mix.
        weights: One per modality; empty means 1 each.
        neighbours: Touched items kept as neighbours of each item.
        power, hub: See `neighbour_graph`.
        floor: Add popularity to the scores of short histories, see `models.score_floor.with_floor`.
        steps: 1, or 2 for weights over items in between as well.
        bridges: Items in between for each item, with two steps.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.ContentKNN((sl.Text("title"),)).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    content: Annotated[tuple[Content, ...], SOME]
    weights: tuple[Positive, ...] = ()
    neighbours: Count = 200
    power: Power = 3.0
    hub: Share = 0.75
    floor: bool = True
    steps: Literal[1, 2] = 1
    bridges: Count = 50

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Encode the items and link each to its nearest touched items."""
        split = need_split(split, self)
        touched = split.fitting().getnnz(axis=0) > 0
        space = ContentSpace.fit(self.content, split.data, self.weights, Cache(), progress, touched)
        sources = np.flatnonzero(touched)
        options = (self.neighbours, self.power, self.hub)
        bridges = (self.bridges, space.n_items) if self.steps == 2 else None
        scorer = ContentKNNScorer.build(space, sources, options, progress, bridges=bridges)
        return Recommender.of(self, scorer, split)


@dataclass(frozen=True, eq=False)
class ContentKNNScorer(LinearInHistory, HistoryOnly, ContentBased):
    """Linear scorer h W with W from content similarity; the space places new items.

    Args:
        graph: CSR float32 (n_items, n_items), row = history item, column = scored item.
        space: The content.
        sources: int64, items that may be neighbours.
        options: neighbours, power, hub.
        joined: Joint similarity of users and content in `HybridKNN`; None is content alone.
        bridges: With two steps, bridges an item and items at the time of the fit, which may be bridges.
    """

    graph: sp.csr_matrix
    space: ContentSpace
    sources: NDArray[np.int64]
    options: tuple[int, float, float]
    joined: HybridSimilarity | None = None
    bridges: tuple[int, int] | None = None

    @classmethod
    def build(
        cls,
        space: ContentSpace,
        sources: NDArray[np.int64],
        options: tuple[int, float, float],
        progress: Progress | None = None,
        joined: HybridSimilarity | None = None,
        users: sp.csc_matrix | None = None,
        bridges: tuple[int, int] | None = None,
    ) -> Self:
        """Link every item of the space to its nearest sources, see the class; `users` go with `joined`."""
        nothing = sp.csr_matrix((space.n_items, space.n_items), dtype=np.float32)
        made = cls(nothing, space, sources, options, joined, bridges)
        return replace(made, graph=made.links(np.arange(space.n_items), users, progress))

    def links(
        self,
        targets: NDArray[np.int64],
        users: sp.csc_matrix | None = None,
        progress: Progress | None = None,
    ) -> sp.csr_matrix:
        """Compute the weights of the sources for some items from content: CSR float32 (n_items, n_items).

        Args:
            targets: int64, ascending, of the space; without `users` these are cold.
            users: CSC (n_users, n_items), goes with `joined`.
            progress: Called as (done, total, label).
        """
        space, joined = self.space, self.joined
        similarity = space.similarity if joined is None else joined.similarity(space, users)
        graph = (similarity, targets, self.sources, space.n_items)
        if self.bridges is not None:
            return two_step_graph(*graph, self.options, self.bridges, progress)
        return neighbour_graph(*graph, *self.options, progress)

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        return np.asarray((matrix_of(histories) @ self.graph).toarray(), dtype=np.float32)

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        return additive(self.graph[history][:, items].toarray())

    def weighted_terms(self, history: Places, items: Places, k: int, weights: Scores) -> list[WordParts]:
        """Find words shared with the history: per weight, their part of the similarity behind it."""
        links = np.asarray(self.graph[history][:, items].toarray(), dtype=np.float64)
        near = self._products(history, items, links)
        share = np.divide(links, near, out=np.zeros_like(links), where=near > 0)
        share = sp.csr_matrix((share * weights[:, None]).T)
        parts = [
            (f.names, sp.csr_matrix((share @ f.values[history]).multiply(f.values[items])))
            for f in self.space.features
            if f.sparse and f.names
        ]
        return largest(parts, len(items), k)

    def _products(
        self, history: NDArray[np.int64], items: NDArray[np.int64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Compute the similarity behind each weight, in units of a content product, float64.

        In `HybridKNN` the users are a part of it: s from w = s^power / (sum s^power)^hub.
        """
        if self.joined is not None:
            _, power, hub = self.options
            if hub == 1:  # the sum is lost, and with it the part of the users
                return np.full(weights.shape, np.inf)
            total = self.totals[items] ** (1 / (1 - hub))
            near = (weights * total**hub) ** (1 / power)
            return np.asarray(near * self.joined.base(self.space, history, items) / self.joined.weight)
        found = np.zeros(weights.shape)
        for rows, own in zip(self.space.blocks(history), self.space.blocks(items), strict=True):
            part = rows @ own.T
            found += np.maximum(part.toarray() if sp.issparse(part) else part, 0.0)
        return found

    @cached_property
    def totals(self) -> NDArray[np.float64]:
        """Sum of the weights of each item, float64 (n_items,)."""
        return np.asarray(self.graph.sum(axis=0), dtype=np.float64).ravel()

    def with_items(self, items: pl.DataFrame) -> ContentKNNScorer:
        """Link new items to the same sources; nothing else changes."""
        space = self.space.with_items(items)
        fresh = np.arange(self.space.n_items, space.n_items)
        grown = self.graph.copy()
        grown.resize((space.n_items, space.n_items))
        joined = None if self.joined is None else self.joined.with_items(len(items))
        made = replace(self, graph=grown, space=space, joined=joined)
        return replace(made, graph=sp.csr_matrix(grown + made.links(fresh)))

    def revised(self, rows: pl.DataFrame, at: Places) -> Self:
        """Link the items anew to the same sources."""
        moved = replace(self, space=self.space.replaced(rows, at)[0])
        kept = np.ones(moved.space.n_items, dtype=bool)
        kept[at] = False
        old = self.graph
        graph = sp.csr_matrix((old.data * kept[old.indices], old.indices, old.indptr), shape=old.shape)
        graph = sp.csr_matrix(graph + moved.links(at))
        graph.eliminate_zeros()
        return replace(moved, graph=graph)

    def with_spaces(self, change: SpaceChange) -> Self:
        """See `Scorer.with_spaces`."""
        return replace(self, space=change(self.space))

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        inner, meta = self.space.state()
        arrays = {**placed("space", inner), "graph": self.graph, "sources": self.sources}
        about: dict[str, Any] = {"space": meta, "options": list(self.options), "joined": None}
        about["bridges"] = None if self.bridges is None else list(self.bridges)
        if self.joined is not None:
            arrays["counts"] = self.joined.counts
            about["joined"] = [self.joined.weight, self.joined.shrink]
        return arrays, about

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        neighbours, power, hub = meta["options"]
        joined = (
            None
            if meta["joined"] is None
            else HybridSimilarity(arrays["counts"], *map(float, meta["joined"]))
        )
        space = ContentSpace.restore(under("space", arrays), meta["space"])
        options = (int(neighbours), float(power), float(hub))
        # Bundles of versions without two steps have no bridges.
        among = meta.get("bridges")
        bridges = None if among is None else (int(among[0]), int(among[1]))
        return cls(arrays["graph"], space, arrays["sources"], options, joined, bridges)


@dataclass(frozen=True)
@checked
class HybridKNN:
    """Item neighbours over users and content together (ItemKNN-CFCBF).

    Every item is one vector: its users, then its content times sqrt(weight).
    s(i, j) = (c_ij + weight x_i.x_j) / (sqrt((n_i + weight |x_i|^2)(n_j + weight |x_j|^2)) + shrink).

    Args:
        content: Modalities of x.
        weight: Weight of content beside users; x has unit length per modality.
        neighbours, shrink, power, hub: As in `ItemKNN`.
        floor: Add popularity to the scores of short histories, see `models.score_floor.with_floor`.

    Source: Ferrari Dacrema et al. (TOIS 2021), after Mobasher et al. (2004).

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.HybridKNN((sl.Text("title"),)).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    content: Annotated[tuple[Content, ...], SOME]
    weight: Positive = 3.0
    neighbours: Count = 200
    shrink: NonNegative = 20.0
    power: Power = 1.0
    hub: Share = 0.3
    floor: bool = True

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Compute similarities of users and content; sources are warm items, targets all."""
        split = need_split(split, self)
        histories = split.fitting()
        counts = np.asarray(histories.sum(axis=0), dtype=np.float32).ravel()
        space = ContentSpace.fit(self.content, split.data, (), Cache(), progress, counts > 0)
        joined = HybridSimilarity(counts, self.weight, self.shrink)
        options = (self.neighbours, self.power, self.hub)
        scorer = ContentKNNScorer.build(
            space, np.flatnonzero(counts), options, progress, joined, histories.tocsc()
        )
        return Recommender.of(self, scorer, split)
