"""Exact search for the best items of a block of users, by one product over the whole catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.evaluation.ranking import top_k
from sidelight.models.scorer import Scorer, Scores

Top = tuple[NDArray[np.int32], NDArray[np.float32]]


@runtime_checkable
class HasVectors(Protocol):
    """Scorer whose score is a product of two vectors."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32 (n_items, dim)."""

    def queries(self, histories: Histories) -> NDArray[np.float32]:
        """float32 (n_rows, dim): score = queries @ vectors.T."""


class VectorSearch(Protocol):
    """Search for the best items of a scorer."""

    @property
    def name(self) -> str:
        """Name in the options: "exact" or "hnsw"."""

    @property
    def recall(self) -> float | None:
        """Measured recall of the exact lists; None for exact search."""

    def best(
        self, scorer: Scorer, histories: Histories, k: int, excluded: sp.csr_matrix
    ) -> tuple[Top, Scores | None]:
        """Return the k best items of each row, best first, equal scores by item index.

        Args:
            scorer: Scorer conditioned on user and context.
            histories: Histories of n rows.
            k: Length of the lists, 1..n_items.
            excluded: CSR (n_rows, n_items), items that may not be shown.

        Returns:
            items int32 and values float32, (n_rows, k), -1 and -inf where a list ends; and the
            scores of all items, float32 (n_rows, n_items), where they were computed.
        """

    def grown(self, vectors: NDArray[np.float32], changed: NDArray[np.int64]) -> VectorSearch:
        """Return the search over a catalogue in which items changed their vectors, or were appended."""


@dataclass(frozen=True)
class ExactSearch:
    """Search over the scores of all items. Suited to catalogues of up to about a million items."""

    name: str = "exact"
    recall: float | None = None

    def best(
        self, scorer: Scorer, histories: Histories, k: int, excluded: sp.csr_matrix
    ) -> tuple[Top, Scores | None]:
        """Return the best items, see `VectorSearch.best`."""
        scores = scorer.score(histories)
        return top_k(scores, k, excluded if excluded.nnz else None), scores

    def grown(self, vectors: NDArray[np.float32], changed: NDArray[np.int64]) -> ExactSearch:
        """Return itself: it holds no state."""
        return self


EXACT = ExactSearch()
