"""`Histories`: items of each user's interactions, in the order of the events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Rows = NDArray[Any] | Sequence[int] | slice


@dataclass(frozen=True, eq=False)
class Histories:
    """Ragged histories of inner item indices, oldest first.

    The rows hold distinct items: one that occurs again stands where it occurred last.

    Args:
        start: int64, shape (n_rows + 1,): row r holds the events start[r] to start[r + 1].
        item: int32, shape (n_events,), inner item indices, distinct within a row.
        n_items: Size of the catalogue.
        ordered: Whether the order within a row is that of the events. False where it is unknown, as
            in data without times and in bundles of earlier versions; items then ascend.

    Examples:
        >>> both = Histories.of_lists([[3, 0], [1]], n_items=4)
        >>> both.row(0).tolist(), both.matrix().toarray().tolist()
        ([3, 0], [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]])
    """

    start: NDArray[np.int64]
    item: NDArray[np.int32]
    n_items: int
    ordered: bool = True

    def __repr__(self) -> str:
        order = "" if self.ordered else ", order unknown"
        return f"Histories({len(self):,} rows, {len(self.item):,} events, {self.n_items:,} items{order})"

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def of_events(
        cls,
        row: NDArray[np.integer[Any]],
        item: NDArray[np.integer[Any]],
        shape: tuple[int, int],
        ordered: bool = True,
    ) -> Histories:
        """Collect events into rows; of a pair that occurs again the last event stays.

        Args:
            row, item: int, shape (n_events,), oldest first within each row.
            shape: (n_rows, n_items).
            ordered: See `Histories`; without, the items of a row are sorted.
        """
        row, item = np.asarray(row, dtype=np.int64), np.asarray(item, dtype=np.int64)
        _, back = np.unique((row * shape[1] + item)[::-1], return_index=True)  # by row, then item
        kept = len(row) - 1 - back
        if ordered:
            kept.sort()
            kept = kept[np.argsort(row[kept], kind="stable")]
        start = np.zeros(shape[0] + 1, dtype=np.int64)
        np.cumsum(np.bincount(row[kept], minlength=shape[0]), out=start[1:])
        return cls(start, item[kept].astype(np.int32), shape[1], ordered)

    @classmethod
    def of_lists(cls, lists: Sequence[Any], n_items: int) -> Histories:
        """Make rows of lists of inner item indices, oldest first."""
        row = np.repeat(np.arange(len(lists)), [len(each) for each in lists])
        flat = np.concatenate([np.asarray(each, dtype=np.int64) for each in lists]) if len(lists) else row
        return cls.of_events(row, flat, (len(lists), n_items))

    @classmethod
    def of_distinct(cls, lists: Sequence[NDArray[np.integer[Any]]], n_items: int) -> Histories:
        """Make rows of lists that hold no item twice, oldest first; quicker than `of_lists`."""
        start = np.zeros(len(lists) + 1, dtype=np.int64)
        np.cumsum([len(each) for each in lists], out=start[1:])
        flat = np.concatenate(lists) if len(lists) != 1 else lists[0]
        return cls(start, flat.astype(np.int32, copy=False), n_items)

    @classmethod
    def of_matrix(cls, matrix: sp.csr_matrix) -> Histories:
        """Make rows of the entries of a CSR matrix (n_rows, n_items); their order is unknown."""
        row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        return cls.of_events(row, matrix.indices, matrix.shape, ordered=False)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_items)."""
        return len(self), self.n_items

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """int64, shape (n_rows,): events of each row."""
        return np.diff(self.start)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """int64, shape (n_items,): rows that hold each item."""
        return np.bincount(self.item, minlength=self.n_items)

    def row(self, at: int | np.integer[Any]) -> NDArray[np.int32]:
        """Return the items of one row, int32, oldest first."""
        return self.item[self.start[at] : self.start[at + 1]]

    def __getitem__(self, rows: Rows) -> Histories:
        """Select rows: a slice, or an array of indices (repeats allowed) or of bools."""
        if isinstance(rows, slice) and rows.step in (None, 1):
            low, high, _ = rows.indices(len(self))
            start = self.start[low : max(low, high) + 1]
            return Histories(start - start[0], self.item[start[0] : start[-1]], self.n_items, self.ordered)
        chosen = np.arange(len(self))[rows]
        start = np.zeros(len(chosen) + 1, dtype=np.int64)
        np.cumsum(self.lengths[chosen], out=start[1:])
        at = np.arange(start[-1]) + np.repeat(self.start[chosen] - start[:-1], self.lengths[chosen])
        return Histories(start, self.item[at], self.n_items, self.ordered)

    def known(self, rows: NDArray[np.int64]) -> Histories:
        """Select rows by index; a negative index gives an empty row."""
        stored = self[rows[rows >= 0]]
        start = np.zeros(len(rows) + 1, dtype=np.int64)
        start[1:][rows >= 0] = stored.lengths
        return Histories(np.cumsum(start), stored.item, self.n_items, self.ordered)

    def last(self, n: int) -> Histories:
        """Keep the newest n events of each row."""
        kept = self._from_end < n
        start = np.concatenate([[0], np.cumsum(np.minimum(self.lengths, n))]).astype(np.int64)
        return Histories(start, self.item[kept], self.n_items, self.ordered)

    def widened(self, n_items: int) -> Histories:
        """Return the same rows over a catalogue with items added at its end."""
        return Histories(self.start, self.item, n_items, self.ordered)

    def padded(self) -> NDArray[np.int64]:
        """Return the items of each row, int64, shape (n_rows, max(1, longest)); -1 is padding."""
        return padded(np.repeat(np.arange(len(self)), self.lengths), self.item, len(self))

    @property
    def _from_end(self) -> NDArray[np.int64]:
        """int64, shape (n_events,): steps of each event from the newest of its row."""
        return np.repeat(self.start[1:], self.lengths) - np.arange(len(self.item)) - 1

    def _rows(self, weight: NDArray[np.float32]) -> sp.csr_matrix:
        start = self.start.astype(np.int32) if len(self.item) < 2**31 else self.start
        out = sp.csr_matrix((weight, self.item.copy(), start), shape=self.shape)
        out.sort_indices()
        return out

    @cached_property
    def _matrix(self) -> sp.csr_matrix:
        return self._rows(np.ones(len(self.item), dtype=np.float32))

    @cached_property
    def _decayed(self) -> dict[float, sp.csr_matrix]:
        return {}

    def matrix(self) -> sp.csr_matrix:
        """Return the rows without order: binary float32 CSR (n_rows, n_items), cached, read-only."""
        return self._matrix

    def decayed(self, decay: float) -> sp.csr_matrix:
        """Return float32 CSR (n_rows, n_items) with decay^s for the event s steps from the newest of its row.

        Where the order is unknown all events count 1, as in `matrix`. Cached, read-only.
        """
        if not self.ordered or decay == 1:
            return self._matrix
        if decay not in self._decayed:  # all parts of a blend ask for the same one
            weight = np.power(np.float32(decay), self._from_end.astype(np.float32))
            self._decayed[decay] = self._rows(weight)
        return self._decayed[decay]


def padded(row: NDArray[np.integer[Any]], value: NDArray[np.integer[Any]], n_rows: int) -> NDArray[np.int64]:
    """Return values row by row, int64 (n_rows, longest), -1 = padding; `row` is ascending."""
    length = np.bincount(row, minlength=n_rows)
    out = np.full((n_rows, max(1, int(length.max(initial=0)))), -1, dtype=np.int64)
    out[row, np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)] = value
    return out


def matrix_of(histories: Histories | sp.csr_matrix) -> sp.csr_matrix:
    """Return binary CSR (n_rows, n_items), for scorers that are blind to the order."""
    return histories.matrix() if isinstance(histories, Histories) else histories


def histories_of(rows: Histories | sp.csr_matrix) -> Histories:
    """Return histories; those of a matrix are of unknown order."""
    return rows if isinstance(rows, Histories) else Histories.of_matrix(rows)
