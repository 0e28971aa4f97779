"""The audience of an item: users who would have it in their lists, and the nearest, if they may be named."""

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
from sidelight.serving.recommend.requests import AudienceRequest
from sidelight.serving.recommend.user_history import known_items
from sidelight.serving.snapshot import Snapshot

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database

CELLS = 1 << 24  # scores held at a time
MORE = 4  # candidates looked up in the database, as a multiple of those wanted
NEAR = 10


def audience(snapshot: Snapshot, database: Database, item: int, k: int, cells: int) -> AudienceRequest:
    """Count the stored users who would have an item among their first k, and name the k nearest.

    Places are first worked out from the histories of the bundle, for as many users as `cells` allows. The
    best of them are then looked up: who withdrew consent, was forgotten, or has touched or dismissed the
    item since is left out, and the others are placed again with their events. In the count, those who may
    not be used are left out; of more than `MORE` times k the events since training are not looked up.

    Args:
        snapshot: With the item.
        database: Of people and events.
        item: Inner index.
        k: Length of the lists, and at most this many people.
        cells: Scores worked out at most.
    """
    own = snapshot.model.people
    users = 0 if own is None else len(own)
    size = min(users, max(1, cells // snapshot.n_items))
    some = np.arange(users)
    if size < users:
        some = np.sort(generator(0, "audience").choice(users, size, replace=False))
    near = similar_items(snapshot, item, NEAR)
    if own is None or not size or item in snapshot.out:
        return AudienceRequest((), near, 0, users, first=k)
    place, value = _places(snapshot, some, [own.histories.row(u) for u in some], item)
    order = np.lexsort((-value, place))
    order = order[value[order] > 0]
    found: list[tuple[int, float, int]] = []
    stop = 0
    while stop < len(order) and len(found) < k:
        found += _looked_up(snapshot, database, some[order[stop : stop + MORE * k]], item)
        stop += MORE * k
    best = sorted(found, key=lambda each: (each[0], -each[1], each[2]))[:k]
    people = tuple((str(own.ids[u]), at, score) for at, score, u in best)
    further = [str(own.ids[u]) for u in some[order[stop:][place[order[stop:]] <= k]]]
    reached = sum(at <= k for at, _, _ in found) + len(further) - len(database.barred(further))
    return AudienceRequest(people, near, size, users, first=k, reached=reached)


def _looked_up(
    snapshot: Snapshot, database: Database, users: NDArray[np.int64], item: int
) -> list[tuple[int, float, int]]:
    """Place, score and user, of those who may be looked at, with all that is known of them now."""
    own = snapshot.model.need_people()
    kept, people = [], []
    for user in users.tolist():
        checkpoint()
        name = str(own.ids[user])
        someone = known_items(snapshot, database.person(name), name)
        if someone.who != UNKNOWN and item not in someone.history and item not in someone.dismissed:
            kept.append(user)
            people.append(someone)
    if not kept:
        return []
    who = np.array([each.who for each in people], dtype=np.int64)
    place, value = _places(snapshot, who, [each.history for each in people], item)
    found = zip(place.tolist(), value.tolist(), kept, strict=True)
    return [each for each in found if each[1] > 0]


def _places(
    snapshot: Snapshot, who: NDArray[np.int64], histories: Sequence[NDArray[np.integer]], item: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Place of an item in the full list of each user (from 1), and its score; 0 for those who have it."""
    places, values = [], []
    step = max(1, CELLS // snapshot.n_items)
    for start in range(0, len(who), step):
        checkpoint()
        block = slice(start, start + step)
        rows = Histories.of_distinct(histories[block], snapshot.n_items)
        scores = np.array(snapshot.with_context(who[block])[0].score(rows))
        value = scores[:, item].copy()
        scores[np.repeat(np.arange(len(rows)), rows.lengths), rows.item] = -np.inf
        value[np.isneginf(scores[:, item])] = 0.0
        places.append((scores > value[:, None]).sum(axis=1) + 1)
        values.append(value)
    return np.concatenate(places), np.concatenate(values)
