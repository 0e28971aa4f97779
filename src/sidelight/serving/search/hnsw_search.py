"""Approximate search for very large catalogues: faiss HNSW over the vectors of a scorer (extra `ann`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.errors import BundleError, SpecError, complain, missing_extra
from sidelight.evaluation.ranking import merge, top_k
from sidelight.models.recommender import Recommender
from sidelight.models.scorer import Scorer, Scores
from sidelight.seeding import generator
from sidelight.serving.search.exact_search import HasVectors, Top

LINKS, BUILD = 32, 200  # edges per item, candidates examined when building
LOOKS = (64, 128, 256, 512, 1024, 2048)  # candidates examined per query: the fewest that suffice
SAMPLE, DEPTH = 200, 100  # queries and length of lists by which recall is measured
SLACK = 32  # further candidates, because seen items are removed afterwards


@dataclass(frozen=True, eq=False)
class HnswSearch:
    """HNSW graph over the items of a bundle; items that changed since, or arrived, are scored exactly.

    Args:
        graph: faiss index (inner product) over the first `size` items.
        size: Items in the graph.
        stale: bool (n_items,): items whose vector the graph does not have.
        look: Candidates examined per query.
        recall: See `VectorSearch.recall`.
    """

    graph: Any
    size: int
    stale: NDArray[np.bool_]
    look: int = LOOKS[0]
    recall: float | None = None
    name: str = "hnsw"

    @classmethod
    def build(cls, model: Recommender, least: float) -> Self:
        """Build a graph over the vectors of a model, and choose the search depth that reaches the recall.

        Recall is the share of the exact best 100 that is found, a mean over stored users, or
        over items where there are few users.

        Args:
            model: Model whose scorer has vectors.
            least: Smallest recall@100 that may serve.

        Raises:
            SpecError: The scorer has no vectors.
            BundleError: The recall is smaller at every search depth.
            MissingExtraError: faiss is not installed.
        """
        scorer = model.scorer
        if not isinstance(scorer, HasVectors):
            fix = "use search='exact', or serve a two-tower or ALS by itself, fitted with floor=False"
            found = type(scorer).__name__
            raise SpecError(complain("a scorer with vectors for search='hnsw'", found, "the engine", fix))
        vectors = np.ascontiguousarray(scorer.vectors, dtype=np.float32)
        search = cls(_graph(vectors), len(vectors), np.zeros(len(vectors), dtype=bool))
        recall = 0.0
        for look in LOOKS:
            search = replace(search, look=look)
            recall = search.measured(scorer, None if model.people is None else model.people.histories)
            if recall >= least:
                break
        else:
            fix = "use search='exact', or lower the recall that the options ask for"
            expected = f"recall@{DEPTH} of at least {least:g} from the approximate search"
            raise BundleError(complain(expected, f"{recall:.4f}", "the engine", fix))
        return replace(search, recall=recall)

    def measured(self, scorer: HasVectors, histories: Histories | None) -> float:
        """Recall@100 against the exact product, in [0, 1]; None: no stored users."""
        rng = generator(0, "recall")
        busy = np.zeros(0, dtype=np.int64) if histories is None else np.flatnonzero(histories.lengths)
        if histories is not None and len(busy) >= SAMPLE:
            queries = scorer.queries(histories[np.sort(rng.choice(busy, SAMPLE, replace=False))])
        else:
            queries = scorer.vectors[rng.choice(self.size, min(SAMPLE, self.size), replace=False)]
        k, hits = min(DEPTH, self.size), 0
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        for query in np.split(queries, len(queries)):  # one by one: all scores at once would be large
            exact, _ = top_k(np.asarray(query @ scorer.vectors.T, dtype=np.float32), k)
            _, found = self.graph.search(query, k, params=self._params(k))
            hits += len(np.intersect1d(exact, found))
        return hits / (k * len(queries))

    def best(
        self, scorer: Scorer, histories: Histories, k: int, excluded: sp.csr_matrix
    ) -> tuple[Top, Scores | None]:
        """Return the best items, see `VectorSearch.best`; exact for lists that exclusions cut short."""
        assert isinstance(scorer, HasVectors)
        queries = np.ascontiguousarray(scorer.queries(histories), dtype=np.float32)
        many = int(np.diff(excluded.indptr).max(initial=0))
        depth = min(self.size, k + many + SLACK)
        values, items = self.graph.search(queries, depth, params=self._params(depth))
        gone = (items < 0) | self.stale[np.maximum(items, 0)] | _pairs(excluded, items)
        values[gone] = -np.inf
        items = np.where(gone, np.iinfo(np.int32).max, items).astype(np.int32)
        lists = [merge([(items, values)], k)]
        tail = np.flatnonzero(self.stale)
        if len(tail):
            lists.append(self._tail(scorer, queries, tail, k, excluded))
        items, values = merge(lists, k)
        items[~np.isfinite(values)] = -1
        if (items[:, -1] < 0).any() and k + many < len(self.stale):
            scores = np.asarray(queries @ scorer.vectors.T, dtype=np.float32)
            return top_k(scores, k, excluded if excluded.nnz else None), scores
        return (items, values), None

    def _tail(
        self,
        scorer: HasVectors,
        queries: NDArray[np.float32],
        tail: NDArray[np.int64],
        k: int,
        out: sp.csr_matrix,
    ) -> Top:
        """Return the best of the items that are not in the graph."""
        scores = np.asarray(queries @ scorer.vectors[tail].T, dtype=np.float32)
        there = out[:, tail]
        found, values = top_k(scores, min(k, len(tail)), there if there.nnz else None)
        return np.where(found >= 0, tail[found], np.iinfo(np.int32).max).astype(np.int32), values

    def _params(self, depth: int) -> Any:
        """Return the parameters of one search: the index is not changed, so that threads share it."""
        import faiss

        library: Any = faiss  # its types lack the class
        return library.SearchParametersHNSW(efSearch=max(self.look, depth))

    def grown(self, vectors: NDArray[np.float32], changed: NDArray[np.int64]) -> HnswSearch:
        """Return the search over a changed catalogue, see `VectorSearch.grown`."""
        stale = np.ones(len(vectors), dtype=bool)
        stale[: len(self.stale)] = self.stale
        stale[changed] = True
        return replace(self, stale=stale)


def _graph(vectors: NDArray[np.float32]) -> Any:
    try:
        import faiss
    except ImportError as error:
        raise missing_extra("faiss-cpu", "ann", "search='hnsw'") from error
    graph = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = BUILD
    graph.add(vectors)
    return graph


def _pairs(excluded: sp.csr_matrix, items: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mark the excluded ones among the items found, bool, shape of `items`."""
    ends = excluded.indptr
    found = [
        np.isin(row, excluded.indices[a:b]) for row, a, b in zip(items, ends[:-1], ends[1:], strict=True)
    ]
    return np.array(found, dtype=bool).reshape(items.shape)
