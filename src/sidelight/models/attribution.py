"""Attribution of scores: the fall of a score when a part of the inputs is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.models.explanation import LEAST_SHARE, Explanation
from sidelight.models.scorer import Context, ContextAware, Scorer, with_context

Places = NDArray[np.int64]
Titles = Callable[[Places], list[tuple[Any, str]]]


def explain(
    scorer: Scorer,
    titles: Titles,
    history: Places,
    items: Places,
    k: int,
    user: int = -1,
    context: Context | None = None,
) -> list[Explanation]:
    """Divide the scores of some items for one user into shares, see `Explanation`.

    Args:
        scorer: Scorer before `with_context`.
        titles: Returns (outside id, title) of inner indices.
        history: int64 (n_history,), distinct.
        items: int64 (n_items,), the scored items; they share one pass over the history.
        k: History items and words to name at most.
        user: Stored user, negative = unknown.
        context: Context of the request.
    """
    who = np.array([user], dtype=np.int64)
    conditioned = with_context(scorer, who, context)
    cut = conditioned.without(history, items)
    score, falls = cut[0], (cut[0] - cut[1:]).T  # (n_items,), (n_items, n_history)
    fixed = conditioned.user_independent_scores(np.array([len(history)]), items[None])[0].astype(np.float64)
    by_user, by_context = _beside(scorer, conditioned, who, history, items, score)
    size = np.where(score == 0, 1.0, np.abs(score))
    words, found = conditioned.top_terms(history, items, 8 * k), []
    for at, (item_id, _) in enumerate(titles(items)):
        best = np.lexsort((history, -np.abs(falls[at])))[:k]
        best = best[falls[at][best] != 0]
        share = falls[at][best] / size[at]
        common, of_user, of_context = (float(v[at] / size[at]) for v in (fixed, by_user, by_context))
        rest = float(score[at] / size[at]) - (common + of_user + of_context + float(share.sum()))
        carried = ((i, title, float(v)) for (i, title), v in zip(titles(history[best]), share, strict=True))
        carrying = [(word, part / float(size[at])) for word, part in words[at]]
        shown = informative([pair for pair in carrying if pair[1] >= LEAST_SHARE])[:k]
        parts = common, of_user, of_context, tuple(carried), rest, shown
        found.append(Explanation(item_id, float(score[at]), *parts))
    return found


def _beside(
    scorer: Scorer,
    conditioned: Scorer,
    who: Places,
    history: Places,
    items: Places,
    full: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the parts of some scores that user features, then the context, add: float64 (n_items,) each."""
    uses_context = conditioned.uses_context() if isinstance(conditioned, ContextAware) else None
    if uses_context is None or not uses_context.any():
        return np.zeros(len(items)), np.zeros(len(items))
    plain, known = (each.without(history, items)[0] for each in (scorer, with_context(scorer, who)))
    return known - plain, full - known


def informative(words: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Drop words that carry a score but mean nothing to a reader: "the", "for", "no"."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return tuple((word, value) for word, value in words if word not in ENGLISH_STOP_WORDS)
