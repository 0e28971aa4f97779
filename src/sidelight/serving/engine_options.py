"""Options of the serving engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from sidelight.option_types import Count, SomeShare, checked
from sidelight.option_values import Range
from sidelight.serving.rerank.exploration import Exploration


@dataclass(frozen=True)
@checked
class EngineOptions:
    """Options of the serving engine.

    Args:
        exploration: Slots given to new items at random; off by default.
        pool: Smallest number of best items that rules choose from; a longer list takes its own length.
        search: "exact", or "hnsw" for more than about a million items (extra `ann`; scorers with vectors).
        recall: Least recall@100 of "hnsw" against "exact", measured when a version is loaded; a
            version below it is refused.
        released: Item column with the date of release, for freshness; arrived items count from their
            arrival where it is empty.
        poll: Seconds between two looks at the store and at the database.
        batch: Largest number of item changes placed at a time.
        audience: Largest number of scores (users times items) computed for one audience.
        exposures: Largest number of exposures kept in memory until they are written.
        keep_previous: Keep the replaced version in memory, so that a rollback needs no loading.
        warm: Load the encoders of new items when a version is loaded, not with the first item.

    Raises:
        SpecError: An option of another type or out of range.
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
