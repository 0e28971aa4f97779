"""History of a user as the model takes it: stored history, events, dismissals, consent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sidelight.models.recommender import GIVEN, UNKNOWN
from sidelight.serving.domain import UserState
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.snapshot import Snapshot

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database

Places = NDArray[np.int64]
NONE: Places = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class UserHistory:
    """Usable data of the user of a request.

    Args:
        user: Inner index of a stored user of the bundle, or `UNKNOWN` (nothing may be used) or `GIVEN` (not
            stored).
        history: Distinct inner indices of the items with interactions, oldest first.
        dismissed: Inner indices of dismissed items.
        unknown: Ids of a given history that are not in the catalogue.
    """

    user: int
    history: Places
    dismissed: Places = field(default_factory=lambda: NONE)
    unknown: tuple[str, ...] = ()


def load_user_history(snapshot: Snapshot, database: Database, request: RecommendRequest) -> UserHistory:
    """Return the history of a request; a user id costs one database query."""
    if request.history is not None:
        history, unknown = snapshot.find(request.history)
        return UserHistory(GIVEN, history, unknown=unknown)
    assert request.user is not None
    return stored_history(snapshot, database.user_state(request.user), request.user)


def stored_history(snapshot: Snapshot, state: UserState, user: str) -> UserHistory:
    """Combine the history in the bundle with the events in the database.

    The history is that of the bundle, then the events, oldest first. Views, clicks and purchases add an item;
    a dismissal removes it from history and lists, until a later event adds it again. Without consent, or
    when forgotten, nothing is used, attributes of the user included. Of a user who came back after being
    forgotten only the events since then are used, as the times of a stored history are not known.
    """
    index = snapshot.users.find(user) if state.uses_stored() else UNKNOWN
    stored = NONE
    if index >= 0:
        stored = snapshot.model.need_people().histories.row(index).astype(np.int64)
    if not state.events:
        return UserHistory(index if index >= 0 else UNKNOWN, stored)
    liked: dict[int, bool] = {}
    for event in state.events:
        at = snapshot.items.find(event.item_id)
        if at >= 0:
            liked.pop(at, None)  # an item that comes again becomes the newest
            liked[at] = event.kind != "dismissal"
    good = np.array([at for at, speaks in liked.items() if speaks], dtype=np.int64)
    bad = np.array([at for at, speaks in liked.items() if not speaks], dtype=np.int64)
    history = np.concatenate([stored[~np.isin(stored, list(liked))], good])
    if index < 0:
        index = GIVEN if len(history) else UNKNOWN
    return UserHistory(index, history, np.sort(bad))
