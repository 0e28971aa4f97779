"""Scoring of a batch of requests with one matrix product; results equal `Recommender.recommend`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.models.check_arguments import check_context
from sidelight.models.recommender import UNKNOWN
from sidelight.models.scorer import Scorer, Scores
from sidelight.models.top_lists import ListRows, best_items, top_lists
from sidelight.serving.fair_turns import checkpoint
from sidelight.serving.recommend.user_history import UserHistory
from sidelight.serving.search.exact_search import EXACT
from sidelight.serving.snapshot import Snapshot

Mask = NDArray[np.bool_]
CELLS = 1 << 24  # scores of one block: 64 MiB, as several threads may hold one each


@dataclass(frozen=True, eq=False)
class ListRequest:
    """One list to score.

    Args:
        user: Usable data of the user.
        k: Length.
        filter_seen: Leave out the history.
        candidates: Inner indices that may be shown, or None for all.
        full: Scores of all items are needed, not of the best alone.
    """

    user: UserHistory
    k: int
    filter_seen: bool = True
    candidates: NDArray[np.int64] | None = None
    full: bool = False

    def excluded(self, retired: NDArray[np.int64]) -> NDArray[np.integer]:
        """Return the distinct inner indices that may not be shown to this user, retired ones included."""
        seen = self.user.history if self.filter_seen else retired[:0]
        parts = [part for part in (seen, self.user.dismissed, retired) if len(part)]
        joined = np.concatenate(parts) if parts else self.user.dismissed
        return np.unique(joined) if len(retired) and len(parts) > 1 else joined

    @property
    def needs_all(self) -> bool:
        """True if the list needs the scores of all items."""
        return self.full or self.candidates is not None

    def allowed(self, n_items: int) -> Mask | None:
        """Return bool (n_items,) of the candidates, or None for all."""
        if self.candidates is None:
            return None
        mask = np.zeros(n_items, dtype=bool)
        mask[self.candidates] = True
        return mask


@dataclass(frozen=True, eq=False)
class ScoredList:
    """One list before re-ranking.

    Args:
        items: Inner indices, best first.
        values: Scores, float32.
        source: Index into `top_lists.SOURCES`, one per item.
        personal: The user has a usable history, or side features that change the scores.
        uses_context: Side features of user or context change the scores.
        scorer: Scorer conditioned on user and context.
        scores: float32 (n_items,), of all items; None where they were not computed.
    """

    items: NDArray[np.int32]
    values: NDArray[np.float32]
    source: NDArray[np.int8]
    personal: bool
    uses_context: bool
    scorer: Scorer
    scores: Scores | None


def score_lists(
    snapshot: Snapshot, requests: Sequence[ListRequest], context: Mapping[str, Any]
) -> list[ScoredList]:
    """Score requests that share one context, block by block.

    Args:
        snapshot: Serving snapshot.
        requests: At least one.
        context: Context columns by name.

    Raises:
        SpecError: A context column that the model does not know, or a wrong value.
    """
    if context:
        check_context(context, snapshot.model.context, len(requests))
    step = max(1, CELLS // max(1, snapshot.n_items))
    lists: list[ScoredList] = []
    for start in range(0, len(requests), step):
        checkpoint()
        lists += _score_block(snapshot, requests[start : start + step], context)
    return lists


def _score_block(
    snapshot: Snapshot, requests: Sequence[ListRequest], context: Mapping[str, Any]
) -> list[ScoredList]:
    """Rank the lists of requests that share one matrix product, or one approximate search."""
    n = snapshot.n_items
    users = np.array([each.user.user for each in requests], dtype=np.int64)
    histories = Histories.of_distinct([each.user.history for each in requests], n)
    seen = Histories.of_distinct([each.excluded(snapshot.out) for each in requests], n).matrix()
    scorer, uses = snapshot.with_context(users, context)
    rows = ListRows(histories, users != UNKNOWN, uses, seen, _allowed(requests, n))
    more = np.zeros(len(users), dtype=bool) if uses is None else uses
    personal = rows.known & (more | (histories.lengths > 0))
    longest = min(n, max(each.k for each in requests))
    best, scores = None, None
    # What fills up a list depends on all scores, and so does a list that asks for them.
    if snapshot.search is not EXACT and personal.all() and not any(each.needs_all for each in requests):
        best, scores = snapshot.search.best(scorer, histories, longest, seen)
        if scores is None and not (best[1][:, -1] > 0).all():
            best = None
    if best is None:
        scores = scorer.score(histories)
        best = best_items(rows, scores, longest)
    full = top_lists(scorer, rows, best, scores, snapshot.model.items.popular, snapshot.popular)
    lists = []
    for at, request in enumerate(requests):
        kept = full.items[at, : request.k] >= 0
        items, values = full.items[at, : request.k], full.values[at, : request.k]
        source = full.source[at, : request.k]
        own = None if scores is None else scores[at]
        lists.append(
            ScoredList(
                items[kept], values[kept], source[kept], bool(personal[at]), bool(more[at]), scorer, own
            )
        )
    return lists


def _allowed(requests: Sequence[ListRequest], n_items: int) -> Mask | None:
    """Return candidates of all rows, bool (n_items,) or (n_rows, n_items); None where none are given."""
    masks = [each.allowed(n_items) for each in requests]
    if all(mask is None for mask in masks):
        return None
    if len(masks) == 1:
        return masks[0]
    return np.stack([np.ones(n_items, dtype=bool) if mask is None else mask for mask in masks])
