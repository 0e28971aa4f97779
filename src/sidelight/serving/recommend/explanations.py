"""Why an item is in somebody's list, and which items are like each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.models.attribution import explain
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.content_space import ContentSpace
from sidelight.models.scorer import Scorer
from sidelight.models.tower_scorer import TowerScorer
from sidelight.serving.recommend.requests import Explanation
from sidelight.serving.recommend.responses import RankedItem
from sidelight.serving.recommend.user_history import UserHistory
from sidelight.serving.snapshot import Snapshot

Values = NDArray[np.float32]
Places = NDArray[np.integer[Any]]


def explain_items(
    snapshot: Snapshot, person: UserHistory, items: Places, k: int, context: Mapping[str, Any] | None = None
) -> list[Explanation]:
    """Explain the scores of some items for one user; they share one pass over the history.

    Args:
        snapshot: What answers.
        person: Whose scores they are.
        items: Inner indices.
        k: How many history items and words to name.
        context: Of the request.
    """

    def named(places: Places) -> list[tuple[Any, str]]:
        return list(zip(map(snapshot.id_of, places), snapshot.titles_of(places), strict=True))

    history = np.asarray(person.history, dtype=np.int64)
    asked = np.asarray(items, dtype=np.int64)
    return explain(snapshot.model.scorer, named, history, asked, k, person.who, context)


def similar_items(snapshot: Snapshot, item: int, k: int) -> tuple[RankedItem, ...]:
    """The k items most like one, without those that have nothing in common with it."""
    scores = np.array(snapshot.model.scorer.similar(np.array([item], dtype=np.int64))[0], dtype=np.float32)
    scores[item] = scores[snapshot.out] = -np.inf
    size = min(k, len(scores) - 1)
    if size < 1:
        return ()
    near = np.argpartition(-scores, size - 1)[:size]
    near = near[np.lexsort((near, -scores[near]))]
    near = near[scores[near] > 0]
    return tuple(
        RankedItem(snapshot.id_of(at), title, float(scores[at]), rank, "similar", bool(snapshot.new[at]))
        for rank, (at, title) in enumerate(zip(near, snapshot.titles_of(near), strict=True), 1)
    )


def likeness(scorer: Scorer, item: int, among: Places) -> Values:
    """Similarity of some items to one, float32 (len(among),), as `Scorer.similar` but for these alone.

    In a blend each part is scaled by its largest value among these items, which holds `item` itself.
    """
    if isinstance(scorer, TowerScorer):
        return np.asarray(scorer.vectors[among] @ scorer.vectors[item], dtype=np.float32)
    if isinstance(scorer, BlendScorer):
        total = np.zeros(len(among), dtype=np.float32)
        for part, weight in zip(scorer.parts, scorer.weights, strict=True):
            if weight.any():
                near = likeness(part, item, among)
                top = float(np.abs(near).max(initial=0.0))
                total += near / top if top > 0 else near
        return total
    space = getattr(scorer, "space", None)
    if isinstance(space, ContentSpace):
        found: Values = space.similarity(np.array([item]), np.asarray(among, dtype=np.int64))[0]
        return found
    return np.asarray(scorer.similar(np.array([item], dtype=np.int64))[0][among], dtype=np.float32)
