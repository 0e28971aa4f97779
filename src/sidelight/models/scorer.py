"""`Scorer`: protocol of a fitted model. Every verb of `Recommender` is built on top of it, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.models.content_space import ContentSpace
from sidelight.models.term_contributions import WordParts

Scores = NDArray[np.float32]
State = dict[str, Any]
"""Arrays of a scorer by name: numpy arrays or CSR matrices. Nested scorers use "0/name"."""
Context = Mapping[str, Any] | pl.DataFrame
"""Context by column: one value each for all rows, or a table with one row for each row."""
Places = NDArray[np.int64]
ALL = slice(None)
SpaceChange = Callable[[ContentSpace], ContentSpace]


class Scorer(Protocol):
    """Scores for histories; a score > 0 means evidence, 0 none, < 0 evidence against.

    A method that a model has no use for is a refusal that the model states: `InteractionsOnly` and
    `HistoryOnly` hold the usual ones.
    """

    def score(self, histories: Histories) -> Scores:
        """Score all items for a block of histories.

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
        """Compute the part of some scores that is equal for all users with as many events.

        Args:
            length: int (n_rows,), events in the history of each row.
            items: int (n_rows, k), items of each row.

        Returns:
            float32 (n_rows, k); 0 where every score comes from the history.
        """
        ...

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Compute the similarity of other items to each given one.

        Args:
            items: int64 (n_queries,), inner indices.
            among: int64 (n_among,), inner indices that are compared, or all items. Values of a blend are
                comparable only within one call: each component is scaled by its largest value there.

        Returns:
            float32 (n_queries, n_among); zeros where the model has no notion of similarity.
        """
        ...

    def without(self, history: Places, items: Places) -> NDArray[np.float64]:
        """Score some items for a history, then for it without each of its items in turn.

        Args:
            history: int64 (n_history,), distinct inner indices, oldest first.
            items: int64 (k,), inner indices.

        Returns:
            float64 (1 + n_history, k); the first row is the whole history.
        """
        ...

    def top_terms(self, history: Places, items: Places, k: int) -> list[WordParts]:
        """Find the words and attributes that carry the history's part of some scores, in score units.

        Args:
            history: int64 (n_history,), distinct inner indices.
            items: int64 (n_items,), inner indices.
            k: Words per item at most.

        Returns:
            For each item pairs (word, part), largest first, parts above 0 only.
        """
        ...

    def with_items(self, items: pl.DataFrame) -> Scorer:
        """Return the scorer over a catalogue with new items appended (content rows, in order)."""
        ...

    def revised(self, rows: pl.DataFrame, at: Places) -> Scorer:
        """Return the scorer with some cold items placed by other content.

        Args:
            rows: Content rows.
            at: int64 (n_rows,), ascending, their items; no user touched these in training.
        """
        ...

    def with_spaces(self, change: SpaceChange) -> Scorer:
        """Return the scorer with each of its content spaces replaced, e.g. by one with other encoders.

        Args:
            change: From the content of one part to another space of the same size.
        """
        ...

    @property
    def supports_cold_items(self) -> bool:
        """True if `with_items` can score new items; False if they score 0 until the next fit."""
        ...

    def state(self) -> tuple[State, dict[str, Any]]:
        """Return arrays and JSON-able options from which `restore` makes an equal scorer."""
        ...

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Scorer:
        """Return the scorer that `state` described."""
        ...


@runtime_checkable
class ContextAware(Protocol):
    """Methods of a scorer that uses features of the user or the context beside the history."""

    @property
    def context(self) -> tuple[str, ...]:
        """Columns of context that `with_context` understands."""
        ...

    def with_context(self, users: NDArray[np.int64], context: Context) -> Scorer:
        """Return the scorer conditioned on the user and context of each row; it is not to be saved.

        Args:
            users: int64 (n_rows,), stored users by inner index, negative = unknown user. The
                histories that are scored next are theirs, row by row.
            context: Values by column, or a table of the rows; columns of another scorer are ignored.
        """
        ...

    def without_users(self) -> Scorer:
        """Return the scorer without the features of stored users, for a bundle without people."""
        ...

    def uses_context(self) -> NDArray[np.bool_] | None:
        """Rows (bool, (n_rows,)) whose side features change the scores; None before `with_context`."""
        ...


class InteractionsOnly:
    """Refusals of a scorer that reads no content: new items score 0, and new content changes nothing."""

    def top_terms(self, history: Places, items: Places, k: int) -> list[WordParts]:
        """Return no words."""
        return [[] for _ in items]

    def revised(self, rows: pl.DataFrame, at: Places) -> Self:
        """Return the scorer as it is."""
        return self

    def with_spaces(self, change: SpaceChange) -> Self:
        """Return the scorer as it is."""
        return self

    @property
    def supports_cold_items(self) -> bool:
        """Return False: scores need interactions."""
        return False


class HistoryOnly:
    """Statement of a scorer that nothing but the history moves its scores: an empty one scores 0."""

    def user_independent_scores(
        self, length: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]
    ) -> Scores:
        """Return zeros."""
        return np.zeros(items.shape, dtype=np.float32)


class LinearInHistory:
    """Statement of a scorer whose scores are sums over the history, so that its events may have weights.

    `score` then takes float32 CSR (n_rows, n_items) of any weights, `without` is `additive`, and
    `weighted_terms` is `top_terms` for weighted events.
    """

    def top_terms(self, history: Places, items: Places, k: int) -> list[WordParts]:
        """See `Scorer.top_terms`."""
        return self.weighted_terms(history, items, k, np.ones(len(history), dtype=np.float32))

    def weighted_terms(self, history: Places, items: Places, k: int, weights: Scores) -> list[WordParts]:
        """Find the words and attributes behind some scores, see `Scorer.top_terms`; none without content.

        Args:
            history: int64 (n_history,), distinct inner indices.
            items: int64 (n_items,), inner indices.
            k: Words per item at most.
            weights: float32 (n_history,), weight of each event.
        """
        return [[] for _ in items]


class ContentBased:
    """Answers of a scorer that places every item by its content, new ones too."""

    space: ContentSpace

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Return the content similarity."""
        return self.space.similarity(items, among)

    @property
    def supports_cold_items(self) -> bool:
        """Return True: content is enough."""
        return True


def with_context(scorer: Scorer, users: NDArray[np.int64], context: Context | None = None) -> Scorer:
    """Return the scorer conditioned on each row's user and context; unchanged if it uses neither."""
    if not isinstance(scorer, ContextAware):
        return scorer
    return scorer.with_context(users, {} if context is None else context)


def without_users(scorer: Scorer) -> Scorer:
    """Return the scorer without anything stored per user; unchanged if it stores nothing of the kind."""
    return scorer.without_users() if isinstance(scorer, ContextAware) else scorer


def spaces_of(scorer: Scorer) -> list[ContentSpace]:
    """Return the content spaces of all parts of a scorer."""
    spaces: list[ContentSpace] = []

    def collect(space: ContentSpace) -> ContentSpace:
        spaces.append(space)
        return space

    scorer.with_spaces(collect)
    return spaces


def one_history(history: Places, n_items: int, weights: Scores | None = None) -> sp.csr_matrix:
    """Return a history as CSR (1, n_items), binary unless its events have weights."""
    values = np.ones(len(history), np.float32) if weights is None else weights
    return sp.csr_matrix((values, history, [0, len(history)]), (1, n_items))


def column_blocks(history: Places, n_items: int) -> sp.csr_matrix:
    """Return a history, then it without each of its items, as binary CSR (1 + n_history, n_items).

    For `Scorer.without` of scorers that are not additive in the history: all rows are scored at once.
    """
    kept = np.vstack([np.ones(len(history), dtype=bool), ~np.eye(len(history), dtype=bool)])
    row, at = np.nonzero(kept)
    ones = np.ones(len(row), dtype=np.float32)
    return sp.csr_matrix((ones, (row, history[at])), shape=(len(kept), n_items))


def single_items(items: Places, n_items: int) -> sp.csr_matrix:
    """Return one history per item that holds nothing else, as binary CSR (len(items), n_items)."""
    ones = np.ones(len(items), dtype=np.float32)
    return sp.csr_matrix((ones, items, np.arange(len(items) + 1)), (len(items), n_items))


def additive(weights: NDArray[Any]) -> NDArray[np.float64]:
    """Compute `Scorer.without` where a score is the sum of the weights (n_history, k) of the history."""
    total = weights.sum(axis=0, dtype=np.float64)
    return np.vstack([total, total - weights])
