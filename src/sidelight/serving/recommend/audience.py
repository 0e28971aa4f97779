"""Audience of an item: users who would have it in their lists, and the nearest of them with consent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.models.recommender import UNKNOWN
from sidelight.seeding import generator
from sidelight.serving.fair_turns import checkpoint
from sidelight.serving.recommend.explanations import similar_items
from sidelight.serving.recommend.user_history import stored_history
from sidelight.serving.responses import Audience, PlacedUser
from sidelight.serving.snapshot import Snapshot

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database

CELLS = 1 << 24  # scores held at a time
MORE = 4  # candidates looked up in the database, as a multiple of those wanted
NEAR = 10


def audience(snapshot: Snapshot, database: Database, item: int, k: int, cells: int) -> Audience:
    """Count the stored users who would have an item among their first k, and name the k nearest.

    Places are computed from the histories of the bundle, for as many users as `cells` allows. The best of
    them are then looked up in the database: users who withdrew consent, were forgotten, or have touched or
    dismissed the item since are left out, the others are placed again with their events. The count leaves
    out users whose data may not be used; beyond `MORE` times k users it ignores events since training.

    Args:
        snapshot: Snapshot with the item.
        database: Database of users and events.
        item: Inner index.
        k: Length of the lists, and the largest number of users named.
        cells: Largest number of scores computed.
    """
    own = snapshot.model.people
    users = 0 if own is None else len(own)
    size = min(users, max(1, cells // snapshot.n_items))
    sample = np.arange(users)
    if size < users:
        sample = np.sort(generator(0, "audience").choice(users, size, replace=False))
    near = similar_items(snapshot, item, NEAR)
    if own is None or not size or item in snapshot.out:
        return Audience((), near, 0, users, first=k)
    place, value = _places(snapshot, sample, [own.histories.row(u) for u in sample], item)
    order = np.lexsort((-value, place))
    order = order[value[order] > 0]
    placed: list[tuple[int, float, int]] = []
    stop = 0
    while stop < len(order) and len(placed) < k:
        placed += _look_up(snapshot, database, sample[order[stop : stop + MORE * k]], item)
        stop += MORE * k
    best = sorted(placed, key=lambda each: (each[0], -each[1], each[2]))[:k]
    people = tuple(PlacedUser(str(own.ids[user]), at, score) for at, score, user in best)
    further = [str(own.ids[u]) for u in sample[order[stop:][place[order[stop:]] <= k]]]
    reached = sum(at <= k for at, _, _ in placed) + len(further) - len(database.barred(further))
    return Audience(people, near, size, users, first=k, reached=reached)


def _look_up(
    snapshot: Snapshot, database: Database, users: NDArray[np.int64], item: int
) -> list[tuple[int, float, int]]:
    """Place, score and inner index of the users whose data may be used, with their events."""
    kept, histories = [], []
    for user in users.tolist():
        checkpoint()
        name = str(snapshot.model.need_people().ids[user])
        found = stored_history(snapshot, database.user_state(name), name)
        if found.user != UNKNOWN and item not in found.history and item not in found.dismissed:
            kept.append(user)
            histories.append(found)
    if not kept:
        return []
    indices = np.array([each.user for each in histories], dtype=np.int64)
    place, value = _places(snapshot, indices, [each.history for each in histories], item)
    rows = zip(place.tolist(), value.tolist(), kept, strict=True)
    return [row for row in rows if row[1] > 0]


def _places(
    snapshot: Snapshot, users: NDArray[np.int64], histories: Sequence[NDArray[np.integer]], item: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Place (from 1) and score of an item in the full list of each user; score 0 where the user has it."""
    places, values = [], []
    step = max(1, CELLS // snapshot.n_items)
    for start in range(0, len(users), step):
        checkpoint()
        block = slice(start, start + step)
        rows = Histories.of_distinct(histories[block], snapshot.n_items)
        scores = np.array(snapshot.with_context(users[block])[0].score(rows))
        value = scores[:, item].copy()
        scores[np.repeat(np.arange(len(rows)), rows.lengths), rows.item] = -np.inf
        value[np.isneginf(scores[:, item])] = 0.0
        places.append((scores > value[:, None]).sum(axis=1) + 1)
        values.append(value)
    return np.concatenate(places), np.concatenate(values)
