"""Lists of a block of people from one product, equal to `Recommender.recommend` for the same histories."""

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
    """What one list is made of.

    Args:
        person: Whose it is.
        k: Length.
        filter_seen: Leave out the history.
        candidates: Inner indices that may be shown, or None for all.
        full: The scores of all items are needed, not of the best alone.
    """

    person: UserHistory
    k: int
    filter_seen: bool = True
    candidates: NDArray[np.int64] | None = None
    full: bool = False

    def excluded(self, out: NDArray[np.int64]) -> NDArray[np.integer]:
        """Inner indices of what may not be shown to this person, distinct.

        Args:
            out: What may be shown to nobody.
        """
        own = self.person
        parts = [own.history if self.filter_seen else out[:0], own.dismissed, out]
        given = [part for part in parts if len(part)]
        found = np.concatenate(given) if given else own.dismissed
        return np.unique(found) if len(out) and len(given) > 1 else found

    def allowed(self, n_items: int) -> Mask | None:
        """bool (n_items,) of the candidates, or None for all."""
        if self.candidates is None:
            return None
        mask = np.zeros(n_items, dtype=bool)
        mask[self.candidates] = True
        return mask


@dataclass(frozen=True, eq=False)
class ScoredList:
    """One list before rules.

    Args:
        items: Inner indices, best first.
        values: Their scores, float32.
        source: Index into `listing.SOURCES`, one an item.
        personal: Something is known of the person.
        uses_context: More than the history is known: what the model was told of them moves scores.
        scorer: Told who asks.
        scores: float32 (n_items,), of all items; None where they were not worked out.
    """

    items: NDArray[np.int32]
    values: NDArray[np.float32]
    source: NDArray[np.int8]
    personal: bool
    uses_context: bool
    scorer: Scorer
    scores: Scores | None


def score_lists(
    snapshot: Snapshot, wishes: Sequence[ListRequest], context: Mapping[str, Any]
) -> list[ScoredList]:
    """Lists of people who ask at one moment.

    Args:
        snapshot: What answers.
        wishes: At least one.
        context: Of the moment, by column.

    Raises:
        SpecError: A column of context that the model does not know, or a wrong value.
    """
    if context:
        check_context(context, snapshot.model.context, len(wishes))
    step = max(1, CELLS // max(1, snapshot.n_items))
    found: list[ScoredList] = []
    for start in range(0, len(wishes), step):
        checkpoint()
        block = _ScoreBlock.of(snapshot, wishes[start : start + step], context)
        found += block.together() or block.apart()
    return found


@dataclass(frozen=True, eq=False)
class _ScoreBlock:
    """Some people who are scored at once.

    Args:
        snapshot, wishes: As in `lists`.
        rows: Histories.
        seen: CSR (n_rows, n_items), what may not be shown.
        known, uses_context, personal: bool (n_rows,), see `Lists` and `Scored`.
        scorer: Told who asks.
    """

    snapshot: Snapshot
    wishes: Sequence[ListRequest]
    rows: Histories
    seen: sp.csr_matrix
    known: Mask
    uses_context: Mask | None
    personal: Mask
    scorer: Scorer

    @classmethod
    def of(cls, snapshot: Snapshot, wishes: Sequence[ListRequest], context: Mapping[str, Any]) -> _ScoreBlock:
        who = np.array([wish.person.who for wish in wishes], dtype=np.int64)
        rows = Histories.of_distinct([wish.person.history for wish in wishes], snapshot.n_items)
        out = [wish.excluded(snapshot.out) for wish in wishes]
        seen = Histories.of_distinct(out, snapshot.n_items).matrix()
        scorer, uses_context = snapshot.with_context(who, context)
        touched = rows.lengths > 0
        known = who != UNKNOWN
        personal = known & (touched if uses_context is None else touched | uses_context)
        return cls(snapshot, wishes, rows, seen, known, uses_context, personal, scorer)

    def together(self) -> list[ScoredList]:
        """All lists in one go, where they are alike; [] where they are not."""
        wishes, search = self.wishes, self.snapshot.search
        k = min(wishes[0].k, self.snapshot.n_items)
        if any(wish.candidates is not None or wish.full or wish.k != wishes[0].k for wish in wishes):
            return []
        if search is not EXACT and not self.personal.all():
            return []  # what fills up such a list depends on all scores
        (items, values), scores = search.best(self.scorer, self.rows, k, self.seen)
        if scores is None:
            if not (values[:, -1] > 0).all():
                return []
            scores = np.empty((len(wishes), 0), dtype=np.float32)
        return self._filled(slice(None), (items, values), scores, None)

    def apart(self) -> list[ScoredList]:
        """List by list; the scores still come from one product."""
        n = self.snapshot.n_items
        scores = self.scorer.score(self.rows)
        found: list[ScoredList] = []
        for at, wish in enumerate(self.wishes):
            checkpoint()
            one, allowed = slice(at, at + 1), wish.allowed(n)
            seen = self.seen[one]
            top = top_k(scores[one], min(wish.k, n), seen if seen.nnz else None, allowed)
            found += self._filled(one, top, scores[one], allowed)
        return found

    def _filled(self, some: slice, top: Top, scores: Scores, allowed: Mask | None) -> list[ScoredList]:
        """Lists of some rows, filled up with popular items where scores end."""
        snapshot = self.snapshot
        seen = self.seen if some == slice(None) else self.seen[some]
        length = self.rows.lengths[some]
        plain = TopLists(
            *top,
            self.known[some],
            length,
            uses_context=None if self.uses_context is None else self.uses_context[some],
        )
        popular = snapshot.model.items.popular
        made = fill_lists(plain, scores, seen, allowed, popular, self.scorer, snapshot.popular)
        assert made.source is not None
        whole = scores.shape[1] > 0
        found = []
        more = np.zeros(len(length), dtype=bool) if plain.uses_context is None else plain.uses_context
        for at, personal in enumerate(self.personal[some].tolist()):
            kept = slice(None) if made.items[at, -1] >= 0 else made.items[at] >= 0
            one = made.items[at][kept], made.values[at][kept], made.source[at][kept]
            given = scores[at] if whole else None
            found.append(ScoredList(*one, personal, bool(more[at]), self.scorer, given))
        return found
