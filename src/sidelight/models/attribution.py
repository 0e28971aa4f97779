"""Reasons for scores: the fall of a score when a part of what is known is taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.models.explanation import LEAST_SHARE, Explanation
from sidelight.models.scorer import Context, ContextAware, Scorer, with_context

Places = NDArray[np.int64]
Named = Callable[[Places], list[tuple[Any, str]]]


def explain(
    scorer: Scorer,
    named: Named,
    history: Places,
    items: Places,
    k: int,
    user: int = -1,
    context: Context | None = None,
) -> list[Explanation]:
    """Divide the scores of some items for one user into shares, see `Explanation`.

    Args:
        scorer: Of the model, before `with_context`.
        named: Gives (outside id, title) of inner indices.
        history: int64 (n_history,), distinct.
        items: int64 (n_items,), the scored items; they share one pass over the history.
        k: How many history items and words to name.
        user: The stored user, negative = nobody known.
        context: Of the request.
    """
    who = np.array([user], dtype=np.int64)
    asked = with_context(scorer, who, context)
    cut = asked.without(history, items)
    score, falls = cut[0], (cut[0] - cut[1:]).T  # (n_items,), (n_items, n_history)
    fixed = asked.user_independent_scores(np.array([len(history)]), items[None])[0].astype(np.float64)
    by_user, by_context = _beside(scorer, asked, who, history, items, score)
    size = np.where(score == 0, 1.0, np.abs(score))
    words, found = asked.top_terms(history, items, 8 * k), []
    for at, (item_id, _) in enumerate(named(items)):
        best = np.lexsort((history, -np.abs(falls[at])))[:k]
        best = best[falls[at][best] != 0]
        share = falls[at][best] / size[at]
        common, of_user, of_context = (float(v[at] / size[at]) for v in (fixed, by_user, by_context))
        rest = float(score[at] / size[at]) - (common + of_user + of_context + float(share.sum()))
        carried = ((i, title, float(v)) for (i, title), v in zip(named(history[best]), share, strict=True))
        carrying = [(word, part / float(size[at])) for word, part in words[at]]
        shown = telling([pair for pair in carrying if pair[1] >= LEAST_SHARE])[:k]
        parts = common, of_user, of_context, tuple(carried), rest, shown
        found.append(Explanation(item_id, float(score[at]), *parts))
    return found


def _beside(
    scorer: Scorer, asked: Scorer, who: Places, history: Places, items: Places, full: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the user's attributes, and then the context, add to some scores: float64 (n_items,) each."""
    uses_context = asked.uses_context() if isinstance(asked, ContextAware) else None
    if uses_context is None or not uses_context.any():
        return np.zeros(len(items)), np.zeros(len(items))
    plain, known = (each.without(history, items)[0] for each in (scorer, with_context(scorer, who)))
    return known - plain, full - known


def telling(words: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Without words that carry a score but tell a reader nothing: "the", "for", "no"."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return tuple((word, value) for word, value in words if word not in ENGLISH_STOP_WORDS)
