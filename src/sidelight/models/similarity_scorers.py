"""Scorers that are linear in the history: constant, sparse and dense item-item weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories, matrix_of
from sidelight.models.scorer import Scores, State, additive
from sidelight.models.term_contributions import WordParts


@dataclass(frozen=True, eq=False)
class ConstantScorer:
    """The same scores for everybody: score(h) = values.

    Args:
        values: float32 (n_items,), >= 0.
    """

    values: NDArray[np.float32]

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        return np.tile(self.values, (histories.shape[0], 1))

    def user_independent_scores(
        self, length: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]
    ) -> Scores:
        """All of it."""
        found: Scores = self.values[items]
        return found

    def similar(self, items: NDArray[np.int64]) -> Scores:
        """No notion of similarity: zeros, float32 (n_queries, n_items)."""
        return np.zeros((len(items), len(self.values)), dtype=np.float32)

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        return np.tile(self.values[items].astype(np.float64), (1 + len(history), 1))

    def top_terms(self, history: NDArray[np.int64], items: NDArray[np.int64], k: int) -> list[WordParts]:
        """No content: nothing."""
        return [[] for _ in items]

    def with_items(self, items: pl.DataFrame) -> Self:
        """New items score 0: nobody has touched them."""
        return type(self)(np.append(self.values, np.zeros(len(items), np.float32)))

    @property
    def supports_cold_items(self) -> bool:
        """Needs clicks."""
        return False

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        return {"values": self.values}, {}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        return cls(arrays["values"])


@dataclass(frozen=True, eq=False)
class SparseSimilarityScorer:
    """score(h) = h W with sparse W.

    Args:
        weights: CSR float32 (n_items, n_items); row = history item, column = scored item.
    """

    weights: sp.csr_matrix

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        return np.asarray((matrix_of(histories) @ self.weights).toarray(), dtype=np.float32)

    def user_independent_scores(
        self, length: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]
    ) -> Scores:
        """Zeros: every score comes from the history."""
        return np.zeros(items.shape, dtype=np.float32)

    def similar(self, items: NDArray[np.int64]) -> Scores:
        """Weights in either direction, whichever is larger, float32 (n_queries, n_items)."""
        out = self.weights[items].maximum(self.weights.T.tocsr()[items])
        return np.asarray(out.toarray(), dtype=np.float32)

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        return additive(self.weights[history][:, items].toarray())

    def top_terms(self, history: NDArray[np.int64], items: NDArray[np.int64], k: int) -> list[WordParts]:
        """No content: nothing."""
        return [[] for _ in items]

    def with_items(self, items: pl.DataFrame) -> Self:
        """New items have no weights: this model cannot score what nobody has touched."""
        grown = self.weights.copy()
        size = self.weights.shape[0] + len(items)
        grown.resize((size, size))
        return type(self)(grown)

    @property
    def supports_cold_items(self) -> bool:
        """Needs clicks."""
        return False

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        return {"weights": self.weights}, {}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        return cls(arrays["weights"])


@dataclass(frozen=True, eq=False)
class DenseSimilarityScorer:
    """score(h) = h[known] B, placed at the known items; 0 for the others.

    Args:
        weights: float32 (n_known, n_known); row = history item, column = scored item.
        known: int64 (n_known,), the items that have weights, sorted.
        n_items: Size of the catalogue.
    """

    weights: NDArray[np.float32]
    known: NDArray[np.int64]
    n_items: int

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        histories = matrix_of(histories)
        if len(self.known) == self.n_items:
            return np.asarray(histories @ self.weights, dtype=np.float32)
        out = np.zeros((histories.shape[0], self.n_items), dtype=np.float32)
        out[:, self.known] = histories[:, self.known] @ self.weights
        return out

    def user_independent_scores(
        self, length: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]
    ) -> Scores:
        """Zeros: every score comes from the history."""
        return np.zeros(items.shape, dtype=np.float32)

    def similar(self, items: NDArray[np.int64]) -> Scores:
        """Weight from each query item to every item, float32 (n_queries, n_items)."""
        each = np.arange(len(items))
        ones = np.ones(len(items), dtype=np.float32)
        return self.score(sp.csr_matrix((ones, (each, items)), shape=(len(items), self.n_items)))

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        found = np.zeros((len(history), len(items)), dtype=np.float32)
        rows, columns = (np.flatnonzero(np.isin(each, self.known)) for each in (history, items))
        at, to = np.searchsorted(self.known, history[rows]), np.searchsorted(self.known, items[columns])
        found[np.ix_(rows, columns)] = self.weights[np.ix_(at, to)]
        return additive(found)

    def top_terms(self, history: NDArray[np.int64], items: NDArray[np.int64], k: int) -> list[WordParts]:
        """No content: nothing."""
        return [[] for _ in items]

    def with_items(self, items: pl.DataFrame) -> Self:
        """New items have no weights: this model cannot score what nobody has touched."""
        return type(self)(self.weights, self.known, self.n_items + len(items))

    @property
    def supports_cold_items(self) -> bool:
        """Needs clicks."""
        return False

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        return {"weights": self.weights, "known": self.known}, {"n_items": self.n_items}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        return cls(arrays["weights"], arrays["known"], int(meta["n_items"]))
