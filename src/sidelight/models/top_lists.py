"""Top lists of a block of users: filled up where scores end, and turned into a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.models.explanation import PERSONAL_SHARE
from sidelight.models.scorer import Scorer

SOURCES = ("personal", "popular:unknown-user", "popular:empty-history", "popular:no-evidence", "popular")
PERSONAL, UNKNOWN_USER, EMPTY, NO_EVIDENCE, POPULAR = range(len(SOURCES))


@dataclass(frozen=True, eq=False)
class TopLists:
    """Ranked items of some rows.

    Args:
        items: int32 (n_rows, k), -1 where a list ends.
        values: float32 (n_rows, k), -inf where a list ends.
        known: bool (n_rows,), or empty: every user is known.
        length: int (n_rows,) history lengths, or empty.
        source: int8 (n_rows, k) index into `SOURCES`, or empty: all personal.
        uses_context: bool (n_rows,), rows of which the model was told more than the history, or empty.
    """

    items: NDArray[np.int32]
    values: NDArray[np.float32]
    known: NDArray[np.bool_] | None = None
    length: NDArray[Any] | None = None
    source: NDArray[np.int8] | None = None
    uses_context: NDArray[np.bool_] | None = None

    @staticmethod
    def frame(
        parts: Sequence[TopLists], row_ids: NDArray[Any] | pl.Series, item_ids: NDArray[Any]
    ) -> pl.DataFrame:
        """One table: user_id, item_id, score, rank, source; outside ids in the order of `row_ids`."""
        empty = np.zeros((0, 1), np.int32)
        items = np.vstack([p.items for p in parts]) if parts else empty
        values = np.vstack([p.values for p in parts]) if parts else empty.astype(np.float32)
        source = [np.zeros(p.items.shape, np.int8) if p.source is None else p.source for p in parts]
        kept = (items >= 0) & np.isfinite(values)
        row, rank = np.nonzero(kept)
        codes = (np.vstack(source) if source else empty)[kept]
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


def personal_lists(scores: NDArray[np.float32], fixed: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether more than a share `PERSONAL_SHARE` of each score is the user's own.

    Args:
        scores, fixed: float32 of one shape, fixed being `Scorer.user_independent_scores` of the same items.
    """
    own: NDArray[np.bool_] = scores - fixed > PERSONAL_SHARE * np.abs(scores)
    return own


def fill_lists(
    lists: TopLists,
    scores: NDArray[np.float32],
    seen: sp.csr_matrix | None,
    allowed: NDArray[np.bool_] | None,
    popular: NDArray[np.float32],
    scorer: Scorer,
    order: NDArray[np.int64] | None = None,
) -> TopLists:
    """Put popular items where a list runs out of scores above 0.

    Fillers come in order of popularity and are never items with a score above 0, so that a longer
    list always starts with the shorter one. Rows that are `uses_context` are not filled up: what the
    model was told of them speaks for or against every item, with or without a history.

    Args:
        lists: Lists with `known` and `length`.
        scores: float32 (n_rows, n_items), the scores the lists were made of.
        seen: CSR of items that may not be shown, or None.
        allowed: bool (n_items,) or None.
        popular: float32 (n_items,), higher first, ties by index.
        scorer: Where the scores are from; it knows which part of them is the same for everybody.
        order: int64 (n_items,), items by popularity, for those who ask often; None sorts them.
    """
    items, values = lists.items.copy(), lists.values.copy()
    assert lists.known is not None and lists.length is not None
    fixed = scorer.user_independent_scores(lists.length, np.maximum(items, 0))
    source = np.where(personal_lists(values, fixed), PERSONAL, POPULAR).astype(np.int8)
    short = ~(values[:, -1] > 0) | (lists.length == 0)
    if lists.uses_context is not None:
        short &= ~lists.uses_context
    rows = np.flatnonzero(short | ~lists.known)
    if order is None:
        order = np.argsort(-popular, kind="stable") if len(rows) else np.empty(0, np.int64)
    for row in rows:
        own = lists.known[row] and lists.length[row] > 0
        taken = int((values[row] > 0).sum()) if own else 0
        blocked = scores[row] > 0 if own else np.zeros(len(popular), dtype=bool)
        if seen is not None:
            blocked[seen.indices[seen.indptr[row] : seen.indptr[row + 1]]] = True
        if allowed is not None:
            blocked |= ~allowed
        filler = order[~blocked[order]][: items.shape[1] - taken]
        end = taken + len(filler)
        items[row, taken:end], values[row, taken:end] = filler, 0.0
        items[row, end:], values[row, end:] = -1, -np.inf
        source[row, taken:end] = NO_EVIDENCE if own else EMPTY if lists.known[row] else UNKNOWN_USER
    return TopLists(items, values, lists.known, lists.length, source)
