"""Top lists of a block of users: ranked, filled up where scores end, and turned into a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.evaluation.ranking import top_k
from sidelight.models.explanation import PERSONAL_SHARE
from sidelight.models.scorer import Places, Scorer, Scores

SOURCES = ("personal", "popular:unknown-user", "popular:empty-history", "popular:no-evidence", "popular")
PERSONAL, UNKNOWN_USER, EMPTY, NO_EVIDENCE, POPULAR = range(len(SOURCES))
Mask = NDArray[np.bool_]
Top = tuple[NDArray[np.int32], Scores]


@dataclass(frozen=True, eq=False)
class ListRows:
    """Rows of a block that lists are made for.

    Args:
        histories: n_rows histories.
        known: bool (n_rows,), False for an id that no stored user has.
        uses_context: bool (n_rows,), rows whose side features change the scores; None for none.
        seen: CSR (n_rows, n_items) of items that may not be shown, or None.
        allowed: bool (n_items,) or (n_rows, n_items), candidates; None means all.
    """

    histories: Histories
    known: Mask
    uses_context: Mask | None = None
    seen: sp.csr_matrix | None = None
    allowed: Mask | None = None

    def excluded(self, row: int) -> Mask:
        """Return bool (n_items,), the items that may not be shown in a row."""
        out = np.zeros(self.histories.n_items, dtype=bool)
        if self.allowed is not None:
            out = ~(self.allowed if self.allowed.ndim == 1 else self.allowed[row])
        if self.seen is not None:
            out[self.seen.indices[self.seen.indptr[row] : self.seen.indptr[row + 1]]] = True
        return out


@dataclass(frozen=True, eq=False)
class TopLists:
    """Ranked items of some rows.

    Args:
        items: int32 (n_rows, k), -1 where a list ends.
        values: float32 (n_rows, k), -inf where a list ends.
        source: int8 (n_rows, k), index into `SOURCES`.
    """

    items: NDArray[np.int32]
    values: NDArray[np.float32]
    source: NDArray[np.int8]


def best_items(rows: ListRows, scores: Scores, k: int) -> Top:
    """Rank the k best items of each row that may be shown, as `top_k` does."""
    k, allowed, seen = min(k, scores.shape[1]), rows.allowed, rows.seen
    if allowed is not None and allowed.ndim == 2:
        scores, allowed = np.where(allowed, scores, np.float32(-np.inf)), None
    return top_k(scores, k, seen if seen is not None and seen.nnz else None, allowed)


def top_lists(
    scorer: Scorer,
    rows: ListRows,
    best: Top,
    scores: Scores | None,
    popular: NDArray[np.float32],
    order: Places | None = None,
) -> TopLists:
    """Fill the best items up with popular ones where scores above 0 end, and name the source of each.

    Fillers come in order of popularity and are never items with a score above 0, so that a longer
    list always starts with the shorter one. Rows that are `uses_context` are not filled up: side
    features speak for or against every item, with or without a history.

    Args:
        scorer: Scorer of the rows, conditioned on user and context.
        rows: The rows.
        best: Best items and their values, see `best_items`.
        scores: float32 (n_rows, n_items); may be None only if every list is full of scores above 0 and
            every row has a history of a known user.
        popular: float32 (n_items,), higher first, ties by index.
        order: int64 (n_items,), items by popularity, if it is at hand; None sorts them.
    """
    items, values = best[0].copy(), best[1].copy()
    length = rows.histories.lengths
    fixed = scorer.user_independent_scores(length, np.maximum(items, 0))
    source = np.where(personal_lists(values, fixed), PERSONAL, POPULAR).astype(np.int8)
    short = ~(values[:, -1] > 0) | (length == 0)
    if rows.uses_context is not None:
        short &= ~rows.uses_context
    filled = np.flatnonzero(short | ~rows.known)
    if order is None:
        order = np.argsort(-popular, kind="stable") if len(filled) else np.empty(0, np.int64)
    for row in filled.tolist():
        own, blocked, taken = rows.known[row] and length[row] > 0, rows.excluded(row), 0
        if own:
            assert scores is not None
            taken = int((values[row] > 0).sum())
            blocked |= scores[row] > 0
        filler = order[~blocked[order]][: items.shape[1] - taken]
        end = taken + len(filler)
        items[row, taken:end], values[row, taken:end] = filler, 0.0
        items[row, end:], values[row, end:] = -1, -np.inf
        source[row, taken:end] = NO_EVIDENCE if own else EMPTY if rows.known[row] else UNKNOWN_USER
    return TopLists(items, values, source)


def personal_lists(scores: Scores, fixed: Scores) -> Mask:
    """Test whether more than a share `PERSONAL_SHARE` of each score is the user's own.

    Args:
        scores, fixed: float32 of one shape, fixed being `Scorer.user_independent_scores` of the same items.
    """
    own: Mask = scores - fixed > PERSONAL_SHARE * np.abs(scores)
    return own


def similar_lists(scorer: Scorer, items: Places, k: int, hidden: Places | None = None) -> Top:
    """Rank the k items most similar to each given one; those of similarity 0 or less are left out.

    Args:
        scorer: Fitted scorer.
        items: int64 (n_queries,), inner indices; none of them is in its own list.
        k: Length of the lists.
        hidden: int64, items that may not be shown.

    Returns:
        items int32 and values float32, (n_queries, k): -1 and -inf where a list ends.
    """
    scores = np.array(scorer.similar(items), dtype=np.float32)
    scores[np.arange(len(items)), items] = -np.inf
    if hidden is not None:
        scores[:, hidden] = -np.inf
    near, values = top_k(scores, min(k, scores.shape[1]))
    good = values > 0
    return np.where(good, near, -1).astype(np.int32), np.where(good, values, np.float32(-np.inf))


def lists_frame(
    parts: Sequence[TopLists], row_ids: NDArray[Any] | pl.Series, item_ids: NDArray[Any]
) -> pl.DataFrame:
    """Return a table user_id, item_id, score, rank, source; outside ids in the order of `row_ids`."""
    empty = TopLists(np.zeros((0, 1), np.int32), np.zeros((0, 1), np.float32), np.zeros((0, 1), np.int8))
    parts = parts or [empty]
    items, values = np.vstack([p.items for p in parts]), np.vstack([p.values for p in parts])
    kept = (items >= 0) & np.isfinite(values)
    row, rank = np.nonzero(kept)
    codes = np.vstack([p.source for p in parts])[kept]
    return pl.DataFrame(
        {
            # Polars shares the text of an id between rows, where numpy copies it.
            "user_id": pl.Series(row_ids).gather(row),
            "item_id": pl.Series(item_ids).gather(items[kept]),
            "score": values[kept],
            "rank": (rank + 1).astype(np.int32),
            "source": pl.Series(np.array(SOURCES)[codes] if len(codes) else [], dtype=pl.String),
        }
    )
