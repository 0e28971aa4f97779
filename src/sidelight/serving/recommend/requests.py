"""What the engine is asked and what it answers, as plain dataclasses; nothing here computes anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from sidelight.errors import SpecError, complain
from sidelight.option_types import Count, SomeShare, checked
from sidelight.option_values import Range
from sidelight.serving.recommend.responses import Explanation, RankedItem
from sidelight.serving.rerank.exploration import Exploration
from sidelight.serving.rerank.rules import Rules
from sidelight.serving.status.engine_status import Drift, SetAside, Status

__all__ = [
    "AudienceRequest", "Drift", "EngineOptions", "Explanation", "RankedItem", "RecommendRequest", "SetAside",
    "Status", "WriteReceipt",
]  # fmt: skip


@dataclass(frozen=True)
@checked
class RecommendRequest:
    """A request for one list. Ids are text; where the catalogue's are numbers, "17" means 17.

    Args:
        user: Whose list it is; or
        history: what somebody has touched, for a person nobody has stored. One of the two.
        context: What is known of the moment, by column, e.g. {"hour": 7}.
        k: Length of the list, >= 1.
        candidates: Items that may be shown; None means all, an empty tuple none.
        rules: Business rules over the list.
        explain: Say for each item why it is there.
        explore: Exploration, where it is switched on, may take slots of this list.
        filter_seen: Leave out what is in the history. Dismissed items are always left out.

    Raises:
        SpecError: Neither or both of user and history, or k is no whole number from 1.
    """

    user: str | None = None
    history: tuple[str, ...] | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    k: Count = 10
    candidates: tuple[str, ...] | None = None
    rules: Rules | None = None
    explain: bool = False
    explore: bool = True
    filter_seen: bool = True

    def __post_init__(self) -> None:
        if (self.user is None) == (self.history is None):
            found = "neither" if self.user is None else "both"
            raise SpecError(complain("a user or a history", found, "ask"))


@dataclass(frozen=True)
class AudienceRequest:
    """Who would get an item, and what is like it.

    Args:
        people: (user id, place, score), the highest places first, whether or not the list of anybody is
            that long; nobody without consent.
        near: The most similar items.
        first, reached: `reached` of the `looked_at` users would have the item among the `first` of their
            list.
        looked_at, users: How many stored users were looked at, and how many there are. Where the
            catalogue is large, people are a random sample of the users.
        missing: Modalities of the row that could not be encoded here.
    """

    people: tuple[tuple[str, int, float], ...]
    near: tuple[RankedItem, ...]
    looked_at: int = 0
    users: int = 0
    missing: tuple[str, ...] = ()
    first: int = 0
    reached: int = 0


@dataclass(frozen=True)
class WriteReceipt:
    """What was done with rows or events that came in; they are on the disk.

    Args:
        change: Number of the last item change; 0 for events.
        accepted: Rows stored, or events that were new and stored.
        placed: The engine that answered lists the items already (after waiting).
        missing: Modalities that the rows have values for and that cannot be encoded here, so that the
            items are placed by the others; "new items" where the model cannot place any until it is
            trained again.
        later: Items of the training data among the rows: their columns count at once, their
            place in the model changes with the next training.
        refused: (item id, reason) of rows that were set aside while waiting.
        dropped: Events that were not stored because the person does not allow it.
    """

    change: int
    accepted: int
    placed: bool = False
    missing: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    dropped: int = 0


@dataclass(frozen=True)
@checked
class EngineOptions:
    """How the engine answers.

    Args:
        exploration: Slots given to new items by chance; off by default.
        pool: Best items that rules choose from, at least; a longer list takes as many as it is long.
        search: "exact", or "hnsw" for more than about a million items (extra `ann`; scorers with vectors).
        recall: Least recall@100 of "hnsw" against "exact", measured when a version is loaded; a
            version below it is refused.
        released: Item column with the date of release, for freshness; arrived items count from their
            arrival where it is empty.
        poll: Seconds between looks at the store and at the database.
        batch: Item changes placed at a time, at most.
        audience: Scores worked out for one audience, at most (users times items).
        exposures: Exposures kept in memory until they are written, at most.
        keep_previous: Keep the replaced version in memory, so that a rollback takes no loading.
        warm: Load the encoders of new items when a version is loaded, not with the first item.

    Raises:
        SpecError: A number out of range, or another search.
    """

    exploration: Exploration = field(default_factory=Exploration)
    pool: Annotated[int, Range("[10, inf)")] = 200
    search: Literal["exact", "hnsw"] = "exact"
    recall: SomeShare = 0.95
    released: str | None = None
    poll: Annotated[float, Range("[0.01, 60]")] = 0.2
    batch: Count = 500
    audience: Count = 100_000_000
    exposures: Count = 20_000
    keep_previous: bool = True
    warm: bool = True
