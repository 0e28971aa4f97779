"""The one noun that everything starts from: interactions, item and user tables, ids, schema."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.ids import Ids, index_of
from sidelight.data.interactions import Interactions
from sidelight.data.schema import Schema


@dataclass(frozen=True, eq=False)
class Dataset:
    """Interactions plus what is known about items and users. Never mutated.

    Args:
        interactions: Events in inner indices.
        item_ids: Outside ids, int64 or str, shape (n_items,), sorted and unique. Every item of the
            item table and of the interactions is here, touched or not.
        user_ids: The same for users, shape (n_users,).
        items: One row an item, in the order of `item_ids`; null where nothing is known.
        users: One row a user, in the order of `user_ids`.
        schema: What each column is.
        fingerprint: sha256 over ids, events and tables; equal data in another row order is equal.
        notes: What reading did: counts of dropped duplicates, quarantined rows, files read.
    """

    interactions: Interactions
    item_ids: Ids
    user_ids: Ids
    items: pl.DataFrame
    users: pl.DataFrame
    schema: Schema
    fingerprint: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        events = len(self.interactions)
        return f"Dataset({self.n_users:,} users, {self.n_items:,} items, {events:,} interactions)"

    @property
    def n_items(self) -> int:
        """Number of items, touched or not."""
        return len(self.item_ids)

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_users, n_items)."""
        return self.n_users, self.n_items

    def matrix(self, rows: NDArray[np.int64] | None = None, weighted: bool = False) -> sp.csr_matrix:
        """User-item CSR over the given events, see `Interactions.matrix`."""
        return self.interactions.matrix(self.shape, rows, weighted)

    def item_index(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Inner indices of outside item ids; -1 for an id that is not in the catalogue."""
        return index_of(self.item_ids, ids)

    def user_index(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Inner indices of outside user ids; -1 for an unknown id."""
        return index_of(self.user_ids, ids)
