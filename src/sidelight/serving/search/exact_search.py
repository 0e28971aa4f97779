"""The best items of a block of people: exactly, by one product over the whole catalogue."""

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
    """A scorer whose score is a product of two vectors."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32 (n_items, dim)."""
        ...

    def queries(self, histories: Histories) -> NDArray[np.float32]:
        """float32 (n_rows, dim): score = queries @ vectors.T."""
        ...


class VectorSearch(Protocol):
    """What finds the best items."""

    @property
    def name(self) -> str:
        """As in the options: "exact" or "hnsw"."""
        ...

    @property
    def recall(self) -> float | None:
        """Measured share of the exact lists that is found; None where nothing can be missed."""
        ...

    def best(
        self, scorer: Scorer, histories: Histories, k: int, excluded: sp.csr_matrix
    ) -> tuple[Top, Scores | None]:
        """The k best items of each row, best first, equal scores by item index.

        Args:
            scorer: Told who asks.
            histories: CSR (n_rows, n_items).
            k: Length of the lists, 1..n_items.
            excluded: CSR (n_rows, n_items), what may not be shown.

        Returns:
            items int32 and values float32, (n_rows, k), -1 and -inf where a list ends; and the
            scores of all items, float32 (n_rows, n_items), where they were worked out.
        """
        ...

    def grown(self, vectors: NDArray[np.float32], changed: NDArray[np.int64]) -> VectorSearch:
        """The same over a catalogue in which items changed their vectors, or joined at the end."""
        ...


@dataclass(frozen=True)
class ExactSearch:
    """All scores, and the largest of them. Good up to about a million items."""

    name: str = "exact"
    recall: float | None = None

    def best(
        self, scorer: Scorer, histories: Histories, k: int, excluded: sp.csr_matrix
    ) -> tuple[Top, Scores | None]:
        """See `Search.best`."""
        scores = scorer.score(histories)
        return top_k(scores, k, excluded if excluded.nnz else None), scores

    def grown(self, vectors: NDArray[np.float32], changed: NDArray[np.int64]) -> ExactSearch:
        """Itself: it keeps nothing."""
        return self


EXACT = ExactSearch()
