"""Scorers that are linear in the history: constant, sparse and dense item-item weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories, matrix_of
from sidelight.models.scorer import (
    ALL,
    HistoryOnly,
    InteractionsOnly,
    LinearInHistory,
    Places,
    Scores,
    State,
    additive,
    single_items,
)


@dataclass(frozen=True, eq=False)
class ConstantScorer(InteractionsOnly):
    """Equal scores for all users: score(h) = values.

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
        """Return the scores: no part depends on the user."""
        scores: Scores = self.values[items]
        return scores

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Return zeros: popularity says nothing about similarity."""
        return np.zeros((len(items), len(self.values[among])), dtype=np.float32)

    def without(self, history: Places, items: Places) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        return np.tile(self.values[items].astype(np.float64), (1 + len(history), 1))

    def with_items(self, items: pl.DataFrame) -> Self:
        """Give new items score 0."""
        return type(self)(np.append(self.values, np.zeros(len(items), np.float32)))

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        return {"values": self.values}, {}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        return cls(arrays["values"])


@dataclass(frozen=True, eq=False)
class SparseSimilarityScorer(LinearInHistory, HistoryOnly, InteractionsOnly):
    """Linear scorer with sparse weights: score(h) = h W.

    Args:
        weights: CSR float32 (n_items, n_items); row = history item, column = scored item.
    """

    weights: sp.csr_matrix

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        return np.asarray((matrix_of(histories) @ self.weights).toarray(), dtype=np.float32)

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Return the larger of the weights in both directions."""
        out = self.weights[items].maximum(self.weights.T.tocsr()[items])
        return np.asarray(out[:, among].toarray(), dtype=np.float32)

    def without(self, history: Places, items: Places) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        return additive(self.weights[history][:, items].toarray())

    def with_items(self, items: pl.DataFrame) -> Self:
        """Give new items no weights."""
        grown = self.weights.copy()
        size = self.weights.shape[0] + len(items)
        grown.resize((size, size))
        return type(self)(grown)

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        return {"weights": self.weights}, {}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        return cls(arrays["weights"])


@dataclass(frozen=True, eq=False)
class DenseSimilarityScorer(LinearInHistory, HistoryOnly, InteractionsOnly):
    """Linear scorer with dense weights: score(h) = h[known] B at the known items, 0 at the others.

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

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Return the weight from each query item to the others."""
        return self.score(single_items(items, self.n_items))[:, among]

    def without(self, history: Places, items: Places) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        found = np.zeros((len(history), len(items)), dtype=np.float32)
        rows, columns = (np.flatnonzero(np.isin(each, self.known)) for each in (history, items))
        at, to = np.searchsorted(self.known, history[rows]), np.searchsorted(self.known, items[columns])
        found[np.ix_(rows, columns)] = self.weights[np.ix_(at, to)]
        return additive(found)

    def with_items(self, items: pl.DataFrame) -> Self:
        """Give new items no weights."""
        return type(self)(self.weights, self.known, self.n_items + len(items))

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        return {"weights": self.weights, "known": self.known}, {"n_items": self.n_items}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        return cls(arrays["weights"], arrays["known"], int(meta["n_items"]))
