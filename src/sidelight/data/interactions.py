"""Interaction log as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories


@dataclass(frozen=True)
class Interactions:
    """Interaction events in inner indices, sorted by user, then time (or position), then item.

    Args:
        user: int32, shape (n_events,), index into `Dataset.user_ids`.
        item: int32, shape (n_events,), index into `Dataset.item_ids`.
        weight: float32, shape (n_events,), finite and > 0; 1 where the source has none.
        timestamp: int64 microseconds since 1970 (UTC), shape (n_events,), or None.
        position: int64 rank inside the user's history, shape (n_events,), or None. Orders the
            events of one user only; it says nothing between users.
        context: The columns of role "context", one row per event, or None where there are none:
            Float64 for numbers, String for text and categories, lists for tags and vectors, Boolean
            for consent; null where missing.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    weight: NDArray[np.float32]
    timestamp: NDArray[np.int64] | None = None
    position: NDArray[np.int64] | None = None
    context: pl.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.user)

    @property
    def order(self) -> NDArray[np.int64] | None:
        """Sort key of one user's events: the timestamp, else the position, else None."""
        return self.timestamp if self.timestamp is not None else self.position

    def among(self, rows: NDArray[np.int64], pairs: sp.csr_matrix) -> NDArray[np.int64]:
        """Return those of some events whose user and item have an entry in a matrix (n_users, n_items)."""
        user, item = pairs.nonzero()
        wanted = user.astype(np.int64) * pairs.shape[1] + item
        return rows[np.isin(self.user[rows].astype(np.int64) * pairs.shape[1] + self.item[rows], wanted)]

    def histories(self, shape: tuple[int, int], rows: NDArray[np.int64]) -> Histories:
        """Return histories of all users from some events, oldest first; of unknown order without `order`.

        Args:
            shape: (n_users, n_items).
            rows: int64 event indices, ascending.
        """
        return Histories.of_events(self.user[rows], self.item[rows], shape, self.order is not None)

    def matrix(
        self,
        shape: tuple[int, int],
        rows: NDArray[np.int64] | None = None,
        weighted: bool = False,
    ) -> sp.csr_matrix:
        """Return the user-item matrix, float32 CSR `(n_users, n_items)` with sorted indices.

        Args:
            shape: (n_users, n_items).
            rows: int64 event indices to use; None means all.
            weighted: Sum of weights per pair when True, else 1 per distinct pair.
        """
        chosen = slice(None) if rows is None else rows
        user, item = self.user[chosen], self.item[chosen]
        value = self.weight[chosen] if weighted else np.ones(len(user), dtype=np.float32)
        out = sp.csr_matrix((value.astype(np.float32), (user, item)), shape=shape)
        out.sum_duplicates()
        if not weighted:
            out.data[:] = 1.0
        out.sort_indices()
        return out
