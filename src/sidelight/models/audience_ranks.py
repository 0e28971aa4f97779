"""Places of some items in the full lists of all stored users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sidelight.models.recommender import Recommender


def audience_places(
    model: Recommender, wanted: NDArray[np.int64], cells: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Compute the place and the score of some items for every stored user.

    Args:
        model: Scores all items for a block of users at a time.
        wanted: int64 (n_wanted,), inner indices.
        cells: Scores held at a time.

    Returns:
        (places int64 (n_wanted, n_users), from 1, among all items that the user does not have yet;
        scores float32 (n_wanted, n_users), 0 where the user already has the item).
    """
    own = model.need_people().histories
    step = max(1, cells // len(model.items))
    places, values = [], []
    for start in range(0, len(own), step):
        rows = own[start : start + step]
        seen = rows.matrix()
        scores = np.array(model.with_context(np.arange(start, start + len(rows))).score(rows))
        value = scores[:, wanted]
        scores[seen.nonzero()] = -np.inf
        places.append(np.stack([(scores > value[:, [at]]).sum(axis=1) + 1 for at in range(len(wanted))]))
        value[np.asarray(seen[:, wanted].todense()) > 0] = 0.0
        values.append(value.T)
    return np.hstack(places), np.hstack(values)
