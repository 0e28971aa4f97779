"""Explanations of scores, and similar items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.models.attribution import explain
from sidelight.models.top_lists import similar_lists
from sidelight.serving.recommend.user_history import UserHistory
from sidelight.serving.responses import Explanation, RankedItem
from sidelight.serving.snapshot import Snapshot

Places = NDArray[np.integer[Any]]


def explain_items(
    snapshot: Snapshot, user: UserHistory, items: Places, k: int, context: Mapping[str, Any] | None = None
) -> list[Explanation]:
    """Explain the scores of several items for one user; they share one pass over the history.

    Args:
        snapshot: Serving snapshot.
        user: Usable data of the user.
        items: Inner indices.
        k: Number of history items and terms to name.
        context: Context of the request.
    """

    def named(places: Places) -> list[tuple[Any, str]]:
        return list(zip(map(snapshot.id_of, places), snapshot.titles_of(places), strict=True))

    history = np.asarray(user.history, dtype=np.int64)
    wanted = np.asarray(items, dtype=np.int64)
    return explain(snapshot.model.scorer, named, history, wanted, k, user.user, context)


def similar_items(snapshot: Snapshot, item: int, k: int) -> tuple[RankedItem, ...]:
    """Return the k items most similar to one, without those of similarity 0."""
    near, scores = similar_lists(snapshot.model.scorer, np.array([item], dtype=np.int64), k, snapshot.out)
    near, scores = near[near >= 0], scores[near >= 0]
    return tuple(
        RankedItem(snapshot.id_of(at), title, float(score), rank, "similar", bool(snapshot.new[at]))
        for rank, (at, title, score) in enumerate(zip(near, snapshot.titles_of(near), scores, strict=True), 1)
    )
