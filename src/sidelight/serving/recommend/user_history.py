"""What of a person may be used, as the model wants it: stored history, events, dismissals, consent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sidelight.models.recommender import GIVEN, UNKNOWN
from sidelight.serving.domain import PersonState

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database
    from sidelight.serving.recommend.requests import RecommendRequest
    from sidelight.serving.snapshot import Snapshot

Places = NDArray[np.int64]
NONE: Places = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class UserHistory:
    """Somebody who asks.

    Args:
        who: Stored user of the bundle, or `UNKNOWN` (nothing may be used) or `GIVEN` (not stored).
        history: Distinct inner indices of what they touched, oldest first.
        dismissed: Inner indices of what they do not want to see.
        unknown: Ids of a given history that nobody knows.
    """

    who: int
    history: Places
    dismissed: Places = field(default_factory=lambda: NONE)
    unknown: tuple[str, ...] = ()


def load_user_history(snapshot: Snapshot, database: Database, ask: RecommendRequest) -> UserHistory:
    """Who asks. A person with a name costs one look into the database."""
    if ask.history is not None:
        history, unknown = snapshot.find(ask.history)
        return UserHistory(GIVEN, history, unknown=unknown)
    assert ask.user is not None
    return known_items(snapshot, database.person(ask.user), ask.user)


def known_items(snapshot: Snapshot, state: PersonState, user: str) -> UserHistory:
    """A person with a name.

    The history is that of the bundle, then the events, oldest first. Views, clicks and purchases speak for
    an item; a dismissal takes it out of history and lists, until a later event speaks for it again. Without
    consent, or when forgotten, nothing is used, attributes of the user included. Of somebody who came
    back only the events since then are used, as nobody can tell from when a stored history is.
    """
    who = snapshot.users.find(user) if state.uses_stored() else UNKNOWN
    stored = NONE
    if who >= 0:
        stored = snapshot.model.need_people().histories.row(who).astype(np.int64)
    if not state.events:
        return UserHistory(who if who >= 0 else UNKNOWN, stored)
    found: dict[int, bool] = {}
    for event in state.events:
        at = snapshot.items.find(event.item_id)
        if at >= 0:
            found.pop(at, None)  # who comes back to an item has it as the newest
            found[at] = event.kind != "dismissal"
    good = np.array([at for at, speaks in found.items() if speaks], dtype=np.int64)
    bad = np.array([at for at, speaks in found.items() if not speaks], dtype=np.int64)
    history = np.concatenate([stored[~np.isin(stored, list(found))], good])
    if who < 0:
        who = GIVEN if len(history) else UNKNOWN
    return UserHistory(who, history, np.sort(bad))
