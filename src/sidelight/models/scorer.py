"""`Scorer`: what every fitted model must answer. Everything else is built once on top of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.models.term_contributions import WordParts

Scores = NDArray[np.float32]
State = dict[str, Any]
"""Arrays of a scorer by name: numpy arrays or CSR matrices. Nested scorers use "0/name"."""
Context = Mapping[str, Any] | pl.DataFrame
"""The moment by column: one value each for all rows, or a table with one row for each row."""


class Scorer(Protocol):
    """Scores for histories; a score > 0 means evidence, 0 none, < 0 evidence against."""

    def score(self, histories: Histories) -> Scores:
        """Scores of all items for a block of histories.

        Args:
            histories: Oldest first; seen items are not masked here. A scorer that is blind to the order
                takes `matrix_of(histories)`.

        Returns:
            float32, shape (n_rows, n_items), finite.
        """
        ...

    def user_independent_scores(
        self, length: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]
    ) -> Scores:
        """Compute the part of some scores that is the same for everybody with as many events.

        Args:
            length: int (n_rows,), events in the history of each row.
            items: int (n_rows, k), items of each row.

        Returns:
            float32 (n_rows, k); 0 where every score comes from the history.
        """
        ...

    def similar(self, items: NDArray[np.int64]) -> Scores:
        """Similarity of all items to each of the given ones, float32 (n_queries, n_items)."""
        ...

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """Score some items for a history, then for it without each of its items in turn.

        Args:
            history: int64 (n_history,), distinct inner indices, oldest first.
            items: int64 (k,), inner indices.

        Returns:
            float64 (1 + n_history, k); the first row is the whole history.
        """
        ...

    def top_terms(self, history: NDArray[np.int64], items: NDArray[np.int64], k: int) -> list[WordParts]:
        """Words and attributes that carried the history's part of some scores, in units of the score.

        Args:
            history: int64 (n_history,), distinct inner indices.
            items: int64 (n_items,), inner indices.
            k: Words for each item at most.

        Returns:
            For each item pairs (word, part), largest first, parts above 0 only.
        """
        ...

    def with_items(self, items: pl.DataFrame) -> Scorer:
        """The same scorer over a catalogue with new items appended (content rows, in order)."""
        ...

    @property
    def supports_cold_items(self) -> bool:
        """Whether `with_items` can give new items scores; False means they score 0 until the next fit."""
        ...

    def state(self) -> tuple[State, dict[str, Any]]:
        """Arrays and JSON-able options from which `restore` makes an equal scorer."""
        ...

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Scorer:
        """The scorer that `state` described."""
        ...


@runtime_checkable
class ContextAware(Protocol):
    """What a scorer offers beside `Scorer` when it looks at who asks, and when."""

    @property
    def context(self) -> tuple[str, ...]:
        """Columns of context that `with_context` understands."""
        ...

    def with_context(self, users: NDArray[np.int64], context: Context) -> Scorer:
        """The same scorer for rows of which it is known who they are; it is not to be saved.

        Args:
            users: int64 (n_rows,), stored users by inner index, negative = nobody known. The
                histories that are scored next are theirs, row by row.
            context: Values by column, or a table of the rows; columns of another scorer are passed
                over.
        """
        ...

    def without_users(self) -> Scorer:
        """Return the scorer without the features of stored users, for a bundle without people."""
        ...

    def uses_context(self) -> NDArray[np.bool_] | None:
        """Rows (bool, (n_rows,)) whose side features change the scores; None before `with_context`."""
        ...


def with_context(scorer: Scorer, users: NDArray[np.int64], context: Context | None = None) -> Scorer:
    """Return the scorer conditioned on each row's user and context; unchanged if it uses neither."""
    if not isinstance(scorer, ContextAware):
        return scorer
    return scorer.with_context(users, {} if context is None else context)


def without_users(scorer: Scorer) -> Scorer:
    """Return the scorer without anything stored per user; unchanged if it stores nothing of the kind."""
    return scorer.without_users() if isinstance(scorer, ContextAware) else scorer


def one_history(history: NDArray[np.int64], n_items: int) -> sp.csr_matrix:
    """A history as binary CSR (1, n_items)."""
    ones = np.ones(len(history), dtype=np.float32)
    return sp.csr_matrix((ones, (np.zeros(len(history), dtype=np.int64), history)), shape=(1, n_items))


def column_blocks(history: NDArray[np.int64], n_items: int) -> sp.csr_matrix:
    """A history, then the same without each of its items, as binary CSR (1 + n_history, n_items).

    For `Scorer.without` of scorers that are not additive in the history: all rows are scored at once.
    """
    kept = np.vstack([np.ones(len(history), dtype=bool), ~np.eye(len(history), dtype=bool)])
    row, at = np.nonzero(kept)
    ones = np.ones(len(row), dtype=np.float32)
    return sp.csr_matrix((ones, (row, history[at])), shape=(len(kept), n_items))


def additive(weights: NDArray[Any]) -> NDArray[np.float64]:
    """`Scorer.without` where a score is the sum of the weights (n_history, k) of the history items."""
    total = weights.sum(axis=0, dtype=np.float64)
    return np.vstack([total, total - weights])
