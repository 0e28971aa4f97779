"""Scoring of a batch of requests with one matrix product; results equal `Recommender.recommend`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.evaluation.ranking import top_k
from sidelight.models.check_arguments import check_context
from sidelight.models.recommender import UNKNOWN
from sidelight.models.scorer import Scorer, Scores
from sidelight.models.top_lists import TopLists, fill_lists
from sidelight.serving.fair_turns import checkpoint
from sidelight.serving.recommend.user_history import UserHistory
from sidelight.serving.search.exact_search import EXACT, Top
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
        block = _Block.of(snapshot, requests[start : start + step], context)
        lists += block.together() or block.one_by_one()
    return lists


@dataclass(frozen=True, eq=False)
class _Block:
    """Requests that share one matrix product.

    Args:
        snapshot, requests: As in `score_lists`.
        rows: Histories.
        seen: CSR (n_rows, n_items), items that may not be shown.
        known, uses_context, personal: bool (n_rows,), see `TopLists` and `ScoredList`.
        scorer: Scorer conditioned on user and context.
    """

    snapshot: Snapshot
    requests: Sequence[ListRequest]
    rows: Histories
    seen: sp.csr_matrix
    known: Mask
    uses_context: Mask | None
    personal: Mask
    scorer: Scorer

    @classmethod
    def of(cls, snapshot: Snapshot, requests: Sequence[ListRequest], context: Mapping[str, Any]) -> _Block:
        users = np.array([each.user.user for each in requests], dtype=np.int64)
        rows = Histories.of_distinct([each.user.history for each in requests], snapshot.n_items)
        excluded = [each.excluded(snapshot.out) for each in requests]
        seen = Histories.of_distinct(excluded, snapshot.n_items).matrix()
        scorer, uses_context = snapshot.with_context(users, context)
        touched = rows.lengths > 0
        known = users != UNKNOWN
        personal = known & (touched if uses_context is None else touched | uses_context)
        return cls(snapshot, requests, rows, seen, known, uses_context, personal, scorer)

    def together(self) -> list[ScoredList]:
        """Rank all lists in one call where their options are equal; [] where they are not."""
        requests, search = self.requests, self.snapshot.search
        k = min(requests[0].k, self.snapshot.n_items)
        if any(each.candidates is not None or each.full or each.k != requests[0].k for each in requests):
            return []
        if search is not EXACT and not self.personal.all():
            return []  # the items that fill up such a list depend on all scores
        top, scores = search.best(self.scorer, self.rows, k, self.seen)
        if scores is None:
            if not (top[1][:, -1] > 0).all():
                return []
            scores = np.empty((len(requests), 0), dtype=np.float32)
        return self._filled(slice(None), top, scores, None)

    def one_by_one(self) -> list[ScoredList]:
        """Rank list by list; the scores still come from one product."""
        n = self.snapshot.n_items
        scores = self.scorer.score(self.rows)
        lists: list[ScoredList] = []
        for at, request in enumerate(self.requests):
            checkpoint()
            one, allowed = slice(at, at + 1), request.allowed(n)
            seen = self.seen[one]
            top = top_k(scores[one], min(request.k, n), seen if seen.nnz else None, allowed)
            lists += self._filled(one, top, scores[one], allowed)
        return lists

    def _filled(self, rows: slice, top: Top, scores: Scores, allowed: Mask | None) -> list[ScoredList]:
        """Fill up the lists of some rows with popular items behind the last positive score."""
        snapshot = self.snapshot
        seen = self.seen if rows == slice(None) else self.seen[rows]
        uses = None if self.uses_context is None else self.uses_context[rows]
        plain = TopLists(*top, self.known[rows], self.rows.lengths[rows], uses_context=uses)
        popular = snapshot.model.items.popular
        full = fill_lists(plain, scores, seen, allowed, popular, self.scorer, snapshot.popular)
        assert full.source is not None
        lists = []
        for at, personal in enumerate(self.personal[rows].tolist()):
            kept = slice(None) if full.items[at, -1] >= 0 else full.items[at] >= 0
            one = full.items[at][kept], full.values[at][kept], full.source[at][kept]
            given = scores[at] if scores.shape[1] > 0 else None
            lists.append(ScoredList(*one, personal, uses is not None and bool(uses[at]), self.scorer, given))
        return lists
