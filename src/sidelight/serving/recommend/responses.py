"""Lists as they go out: made by the engine, read by the client. Imports nothing that takes long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidelight.models.explanation import Explanation as Explanation


@dataclass(frozen=True)
class RankedItem:
    """One item in a list.

    Args:
        item_id, title: Of the item.
        score: Of the model, before rules; 0 where it says nothing.
        rank: Place from 1.
        source: "personal", "popular", or "popular:..." with the reason, see `Recommender.recommend`;
            "similar" in lists of similar items.
        new: Nobody had touched it when the model was trained.
        explored: Exploration put it there.
        propensity: Probability that it stood in this list, 0 < p <= 1.
        why: Where it was asked for.
        moved: Places that rules moved it up; down is negative.
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
    """What rules cost in relevance, by the model's own scores.

    cost = 1 - D(ruled) / D(unruled), with D(list) = sum over ranks r of (score - least score) / log2(r + 1)
    and the least score of the pool. 0: as relevant as without rules; 1: as if all came from the pool's end.

    Args:
        total: Cost of all rules together, 0..1.
        by_rule: Cost of each kind of rule that is set, alone, 0..1; they need not add up to the total.
        slots_new_before, slots_new_after: New items in the list without and with rules.
    """

    total: float = 0.0
    by_rule: Mapping[str, float] = field(default_factory=dict)
    slots_new_before: int = 0
    slots_new_after: int = 0


@dataclass(frozen=True)
class RecommendResponse:
    """One list.

    Args:
        version: Of the model that answered, alone.
        request_id: Names this answer; exposures carry it.
        items: Best first; shorter than k only where fewer items may be shown.
        cost: What the rules cost; None without rules.
        unknown: Ids of the given history and candidates that are not in the catalogue; they were left out.
        fallback: Nothing was known of the person: the list is the most popular items.
        change: Number of the last item change that this answer knows.
        unplaced: Pinned items that are not in the list: unknown, blocked, seen, dismissed or no candidates.
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
class Item:
    """One item of the catalogue: its row without images and vectors."""

    item_id: str
    title: str
    row: Mapping[str, Any]
    new: bool = False
    retired: bool = False
