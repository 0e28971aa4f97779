"""`Dataset`: interactions, item and user tables, outside ids and schema; and the hash of its content."""

from __future__ import annotations

import hashlib
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
from sidelight.renamed import former


@dataclass(frozen=True, eq=False)
class Dataset:
    """Interactions with the item and user tables. Never mutated. Made by `read`, `from_frames`, `read_sql`.

    Args:
        interactions: Events in inner indices.
        item_ids: Outside ids, int64 or str, shape (n_items,), sorted and unique. Every item of the
            item table and of the interactions is here, with or without events.
        user_ids: The same for users, shape (n_users,).
        items: One row per item, in the order of `item_ids`; null where nothing is known.
        users: One row per user, in the order of `user_ids`.
        schema: Role of each column.
        fingerprint: sha256 over ids, events and tables; equal data in another row order is equal.
        notes: Counts of the reading: dropped duplicates, quarantined rows, files read.

    Examples:
        >>> import sidelight as sl
        >>> data = sl.from_frames({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"]})
        >>> data.shape, data.matrix().toarray().tolist(), data.item_index(["b", "c"]).tolist()
        ((2, 2), [[1.0, 1.0], [1.0, 0.0]], [1, -1])
    """

    interactions: Interactions
    item_ids: Ids
    user_ids: Ids
    items: pl.DataFrame
    users: pl.DataFrame
    schema: Schema
    fingerprint: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_frames(cls, *args: Any, **options: Any) -> Dataset:
        """Return `sidelight.from_frames(...)`; the former name of that function."""
        found: Dataset = former("Dataset.from_frames", "from_frames")(*args, **options)
        return found

    def __repr__(self) -> str:
        events = len(self.interactions)
        return f"Dataset({self.n_users:,} users, {self.n_items:,} items, {events:,} interactions)"

    @property
    def n_items(self) -> int:
        """Number of items, with or without events."""
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
        """Return the user-item CSR of the given events, see `Interactions.matrix`."""
        return self.interactions.matrix(self.shape, rows, weighted)

    def item_index(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Return inner indices of outside item ids; -1 for an id that is not in the catalogue."""
        return index_of(self.item_ids, ids)

    def user_index(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Return inner indices of outside user ids; -1 for an unknown id."""
        return index_of(self.user_ids, ids)


def fingerprint(
    interactions: Interactions,
    item_ids: NDArray[Any],
    user_ids: NDArray[Any],
    items: pl.DataFrame,
    users: pl.DataFrame,
) -> str:
    """Return the sha256 over ids, events and tables; the order of columns does not matter.

    Every array enters with its name, type and length, so that no two contents run together.
    """
    digest = hashlib.sha256(b"sidelight data 1")
    for name, ids in (("item_ids", item_ids), ("user_ids", user_ids)):
        _hash_series(digest, name, pl.Series(name, ids))
    for name in ("user", "item", "weight", "timestamp", "position"):
        values = getattr(interactions, name)
        if values is not None:
            _hash_array(digest, name, values)
    # Only where there is any: data without context has the fingerprint that it always had.
    context = pl.DataFrame() if interactions.context is None else interactions.context
    for table, frame in (("interactions", context), ("items", items), ("users", users)):
        for name in sorted(frame.columns):
            _hash_series(digest, f"{table}.{name}", frame[name])
    return digest.hexdigest()


def _hash_array(digest: Any, name: str, values: NDArray[Any]) -> None:
    flat = np.ascontiguousarray(values)
    little = flat.astype(flat.dtype.newbyteorder("<"), copy=False)
    digest.update(f"\n{name} {little.dtype.str} {len(little)}\n".encode())
    digest.update(little.data)


def _hash_series(digest: Any, name: str, values: pl.Series) -> None:
    """Update a digest with a column of any type: its nulls, then its values; lists by lengths and members."""
    known = values.drop_nulls()
    _hash_array(digest, f"{name}?", values.is_null().to_numpy().astype(np.uint8))
    kind = values.dtype
    if isinstance(kind, pl.List):
        _hash_array(digest, f"{name}#", known.list.len().to_numpy().astype(np.int64))
        _hash_series(digest, f"{name}[]", known.explode(empty_as_null=False))
    elif kind in (pl.String, pl.Binary):
        size = known.str.len_bytes() if kind == pl.String else known.bin.size()
        _hash_array(digest, f"{name}#", size.to_numpy().astype(np.int64))
        digest.update("".join(known.to_list()).encode() if kind == pl.String else b"".join(known.to_list()))
    elif kind == pl.Boolean:
        _hash_array(digest, name, known.to_numpy().astype(np.uint8))
    else:
        _hash_array(digest, name, known.to_physical().to_numpy() + 0)  # + 0 makes -0.0 and 0.0 one
