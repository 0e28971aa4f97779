"""Responses of the engine, the HTTP API and the client: one dataclass per answer, the same in all three.

Nothing here computes anything, and the imports are light: the client needs neither numpy nor polars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sidelight.models.explanation import Explanation as Explanation


@dataclass(frozen=True)
class RankedItem:
    """One item of a list.

    Args:
        item_id: Outside id.
        title: Title, or the id where the item has none.
        score: Score of the model, before rules; 0 where the model has no evidence.
        rank: Place in the list, from 1.
        source: "personal", "popular", or "popular:..." with the reason, see `Recommender.recommend`;
            "similar" in lists of similar items.
        new: The item had no interactions in training.
        explored: Exploration put it there.
        propensity: Probability that the item is in this list, 0 < p <= 1.
        why: Explanation of the score, where the request asked for it.
        moved: Places that rules moved the item up; down is negative.
    """

    item_id: str
    title: str
    score: float
    rank: int
    source: str
    new: bool = False
    explored: bool = False
    propensity: float = 1.0
    why: Explanation | None = None
    moved: int = 0


@dataclass(frozen=True)
class RuleCost:
    """Relevance lost to business rules, measured by the model's own scores.

    cost = 1 - D(ruled) / D(unruled), with D(list) = sum over ranks r of (score - least score) / log2(r + 1)
    and the least score of the pool. 0: as relevant as without rules; 1: every item from the end of the pool.

    Args:
        total: Cost of all rules together, 0..1.
        by_rule: Cost of each kind of rule that is set, alone, 0..1; they need not add up to the total.
        slots_new_before: New items in the list without rules.
        slots_new_after: New items in the list with rules.
    """

    total: float = 0.0
    by_rule: Mapping[str, float] = field(default_factory=dict)
    slots_new_before: int = 0
    slots_new_after: int = 0


@dataclass(frozen=True)
class RecommendResponse:
    """One recommendation list.

    Args:
        version: Version of the model that computed it.
        request_id: Id of this response; exposures carry it.
        items: Items, best first; shorter than k only where fewer items may be shown.
        cost: Cost of the rules; None without rules.
        unknown: Ids of the given history and candidates that are not in the catalogue; they were ignored.
        fallback: Nothing was known of the user: the list holds the most popular items.
        change: Number of the last item change that was taken into account.
        unplaced: Pinned items that are not in the list: unknown, blocked, seen, dismissed or no candidates.

    Examples:
        >>> import sidelight as sl
        >>> sl.RecommendResponse("v1", "request-1", ()).items
        ()
    """

    version: str
    request_id: str
    items: tuple[RankedItem, ...]
    cost: RuleCost | None = None
    unknown: tuple[str, ...] = ()
    fallback: bool = False
    change: int = 0
    unplaced: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlacedUser:
    """A user, and the place of one item in that user's full list.

    Args:
        user: Outside id.
        place: Place of the item, from 1; it may lie beyond every list that is shown.
        score: Score of the item for the user.
    """

    user: str
    place: int
    score: float


@dataclass(frozen=True)
class Audience:
    """Count of the users who would have an item in their lists, the nearest users, and similar items.

    Args:
        people: Users with the best places, even beyond the end of shown lists; never users without
            consent.
        near: Most similar items.
        looked_at: Stored users whose lists were examined: a random sample where the catalogue is large.
        users: Stored users.
        missing: Modalities of the row that cannot be encoded on this machine.
        first: Length of the lists that `reached` refers to.
        reached: Users, of those examined, who would have the item among their first `first` items.
    """

    people: tuple[PlacedUser, ...]
    near: tuple[RankedItem, ...]
    looked_at: int = 0
    users: int = 0
    missing: tuple[str, ...] = ()
    first: int = 0
    reached: int = 0


@dataclass(frozen=True)
class Item:
    """One item of the catalogue.

    Args:
        item_id: Outside id.
        title: Title, or the id where the item has none.
        row: Columns of the item, without images and vectors.
        new: The item had no interactions in training.
        retired: No list may hold it.
    """

    item_id: str
    title: str
    row: Mapping[str, Any]
    new: bool = False
    retired: bool = False


@dataclass(frozen=True)
class ShownItems:
    """Items of the catalogue, and the requested ids that are not in it."""

    items: tuple[Item, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retired:
    """Retired items: no list may hold them.

    Args:
        items: Ids of all retired items, sorted.
        changed: Items that the request retired or restored.
        unknown: Ids of the request that the serving version does not have.
    """

    items: tuple[str, ...]
    changed: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class RefusedRow:
    """An item row that was set aside while the request waited."""

    item_id: str
    reason: str


@dataclass(frozen=True)
class ItemsReceipt:
    """Receipt for item rows; the rows are on disk.

    Args:
        change: Number of the last item change.
        accepted: Rows stored.
        placed: The engine that answered can recommend the items already (after waiting).
        missing: Modalities that the rows have values for and that cannot be encoded here, so that the
            items are placed by the others; "new items" where the model cannot place any until it is
            trained again.
        later: Items of the training data among the rows: their columns count at once, their
            place in the model changes with the next training.
        refused: Rows that were set aside while waiting.
    """

    change: int
    accepted: int
    placed: bool = False
    missing: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    refused: tuple[RefusedRow, ...] = ()


@dataclass(frozen=True)
class EventsReceipt:
    """Receipt for events; the accepted ones are on disk.

    Args:
        accepted: Events that were new and stored.
        dropped: Events that were not stored because the user does not allow it.
    """

    accepted: int
    dropped: int = 0


@dataclass(frozen=True)
class Version:
    """One published version of a model.

    Args:
        name: Name in the store.
        created: Time of publication, UTC.
        note: Remark of the publisher.
        fingerprint: Fingerprint of the data that the model was fitted on.
        metrics: Metrics measured after training, by dotted name; None for NaN and infinity.
        size: Bytes of the bundle.
        current: The version serves.
        previous: A rollback would go to it.
    """

    name: str
    created: datetime
    note: str = ""
    fingerprint: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    size: int = 0
    current: bool = False
    previous: bool = False


@dataclass(frozen=True)
class SetAside:
    """An item that could not be placed; it is tried again when its row changes or a version is loaded."""

    item_id: str
    change: int
    reason: str


@dataclass(frozen=True)
class Drift:
    """Distance of recent requests from the reference, by population stability index.

    PSI = sum over bins of (now - then) * ln(now / then), with shares smoothed by half a count per bin.
    Usual reading: below 0.1 no drift, above 0.2 investigate. None: too few responses to tell.

    Args:
        history_length: Lengths of histories against those of the stored users.
        scores: Best scores of personal lists against those of a sample of stored users.
        unknown: Share of unknown ids in given histories, recently.
        unknown_before: The same share in the first hour of this process.
        answers: Recent responses that were examined.
    """

    history_length: float | None = None
    scores: float | None = None
    unknown: float | None = None
    unknown_before: float | None = None
    answers: int = 0


@dataclass(frozen=True)
class Status:
    """Status of an engine.

    Args:
        version: Version that serves.
        loaded: Time at which it was loaded, UTC.
        users: Stored users; 0 for a bundle without them.
        items: Items, those that arrived included.
        new_items: Items without interactions in training.
        arrived: Items that came after the bundle and are placed.
        change: Number of the last item change that is placed.
        waiting: Item changes that are stored and not yet placed.
        set_aside: Items that could not be placed, with reasons; the last 100.
        unavailable: Parts of arriving items that cannot be used, with reasons: modalities that cannot be
            encoded here, columns that this version does not have, "new items" where the model knows
            items by their clicks alone.
        incomplete: Arrived items that were placed without such a modality.
        events_per_minute, answers_per_minute: Counts of the last 60 seconds.
        new_share: Share of new items in recent lists, None before the first response.
        fallback_rate: Share of recent responses for users of whom nothing was known, None before the first.
        drift: See `Drift`.
        exposures_waiting, exposures_lost: Not yet written; dropped because the buffer was full.
        search: "exact" or "hnsw".
        recall: Measured recall of the approximate search against the exact one, None for exact.
        refused: Reason why a version could not replace the one that serves, "" when none was refused.
        trouble: Last failure of the background worker, "" when all is well.
        started: Time at which the engine was started, UTC.
        uptime: Seconds since then.
    """

    version: str
    loaded: datetime
    users: int
    items: int
    new_items: int = 0
    arrived: int = 0
    change: int = 0
    waiting: int = 0
    set_aside: tuple[SetAside, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)
    incomplete: int = 0
    events_per_minute: int = 0
    answers_per_minute: int = 0
    new_share: float | None = None
    fallback_rate: float | None = None
    drift: Drift = field(default_factory=Drift)
    exposures_waiting: int = 0
    exposures_lost: int = 0
    search: str = "exact"
    recall: float | None = None
    refused: str = ""
    trouble: str = ""
    started: datetime | None = None
    uptime: float = 0.0
