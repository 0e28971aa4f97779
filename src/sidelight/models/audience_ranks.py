"""Audience of items: ranks in the full lists of all stored users, and the users with the best ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.models.scorer import Places, Scorer, Scores, with_context


def audience_places(
    scorer: Scorer, histories: Histories, wanted: Places, cells: int
) -> tuple[NDArray[np.int64], Scores]:
    """Compute the rank and the score of some items for every stored user.

    Args:
        scorer: Scores all items for a block of users at a time.
        histories: Histories of the stored users.
        wanted: int64 (n_wanted,), inner indices.
        cells: Scores held at a time.

    Returns:
        (places int64 (n_wanted, n_users), from 1, among all items that the user does not have yet;
        scores float32 (n_wanted, n_users), 0 where the user already has the item).
    """
    step = max(1, cells // histories.n_items)
    places, values = [], []
    for start in range(0, len(histories), step):
        rows = histories[start : start + step]
        seen = rows.matrix()
        scores = np.array(with_context(scorer, np.arange(start, start + len(rows))).score(rows))
        value = scores[:, wanted]
        scores[seen.nonzero()] = -np.inf
        places.append(np.stack([(scores > value[:, [at]]).sum(axis=1) + 1 for at in range(len(wanted))]))
        value[np.asarray(seen[:, wanted].todense()) > 0] = 0.0
        values.append(value.T)
    return np.hstack(places), np.hstack(values)


def audience_frame(
    item_ids: NDArray[Any], user_ids: NDArray[Any], places: NDArray[np.int64], values: Scores, k: int
) -> pl.DataFrame:
    """Return the k users with the best rank per item, see `Recommender.audience`.

    Args:
        item_ids: Outside ids (n_wanted,).
        user_ids: Outside ids (n_users,).
        places: int64 (n_wanted, n_users), from 1.
        values: float32 (n_wanted, n_users); users with 0 or less are left out.
        k: Length of the lists, and at most this many rows per item.
    """
    parts, users = [], pl.Series(user_ids)
    for item, place, value in zip(item_ids.tolist(), places, values, strict=True):
        best = np.lexsort((-value, place))
        best = best[value[best] > 0]
        reached, best = int((place[best] <= k).sum()), best[:k]
        columns = {"item_id": pl.Series([item]).new_from_index(0, len(best)), "user_id": users.gather(best)}
        columns |= {"place": place[best], "score": value[best]}
        counts = {"reached": np.full(len(best), reached), "users": np.full(len(best), len(user_ids))}
        parts.append(pl.DataFrame(columns | {"rank": np.arange(1, len(best) + 1, dtype=np.int32)} | counts))
    return pl.concat(parts)
