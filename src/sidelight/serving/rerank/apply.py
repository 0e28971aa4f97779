"""A scored list under rules and exploration: what a shop wants beside relevance, and what chance shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sidelight.evaluation.ranking import top_k
from sidelight.models.recommender import UNKNOWN
from sidelight.models.top_lists import EMPTY, NO_EVIDENCE, PERSONAL, POPULAR, UNKNOWN_USER, personal_lists
from sidelight.serving.recommend.batch_scoring import ListRequest, ScoredList
from sidelight.serving.recommend.explanations import likeness
from sidelight.serving.rerank.candidates import CandidatePool
from sidelight.serving.rerank.exploration import Exploration
from sidelight.serving.rerank.rules import RuleCost, Rules, apply_rules
from sidelight.serving.snapshot import Snapshot

if TYPE_CHECKING:
    from sidelight.serving.recommend.requests import RecommendRequest


@dataclass(frozen=True, eq=False)
class RerankedList:
    """What is shown.

    Args:
        items: Inner indices, best first.
        values: Scores before rules, float32.
        source: Index into `listing.SOURCES`, one an item.
        moved: Places that rules moved each item up.
        explored: bool, slots given to chance.
        propensity: Probability that each item is in the list.
        cost: Of the rules; None without.
        unplaced: Pins that are not in the list.
    """

    items: NDArray[np.int32]
    values: NDArray[np.float32]
    source: NDArray[np.int8]
    moved: NDArray[np.int64]
    explored: NDArray[np.bool_]
    propensity: NDArray[np.float64]
    cost: RuleCost | None = None
    unplaced: tuple[str, ...] = ()


def unchanged_list(scored: ScoredList, k: int) -> RerankedList:
    """The list as it was scored."""
    size = min(k, len(scored.items))
    nothing = np.zeros(size, dtype=np.int64)
    return RerankedList(
        scored.items[:k], scored.values[:k], scored.source[:k], nothing, nothing.astype(bool), np.ones(size)
    )  # fmt: skip


def needs_pool(ask: RecommendRequest, exploration: Exploration) -> bool:
    """Whether a list is more than the best scores."""
    ruled = ask.rules is not None and bool(ask.rules.active)
    return ruled or (ask.explore and exploration.rate > 0)


def rerank(
    snapshot: Snapshot,
    ask: RecommendRequest,
    wish: ListRequest,
    scored: ScoredList,
    exploration: Exploration,
    request: str,
) -> RerankedList:
    """The list under rules, then explored.

    Args:
        snapshot: What answers.
        ask: What was asked.
        wish: Its list, as long as the pool.
        scored: The pool.
        exploration: As in the options.
        request: Id of the request, the seed of chance.

    Raises:
        SpecError: A rule that does not fit the catalogue.
    """
    rules = ask.rules if ask.rules is not None else Rules()
    explores = ask.explore and exploration.rate > 0
    fresh = exploration.pool + ask.k if explores else ask.k if rules.floor > 0 else 0
    items, values, source = _pool(snapshot, wish, scored, rules, fresh)
    pool = CandidatePool(
        ids=snapshot.model.items.ids[items].astype(np.str_),
        scores=values,
        new=snapshot.new[items],
        age=snapshot.ages(items),
        matches=snapshot.attributes.of(items),
        similarity=lambda at: likeness(scored.scorer, int(items[at]), items),
    )
    ruled = apply_rules(rules, pool, ask.k)
    order, moved = ruled.order, ruled.moved
    explored, propensity = np.zeros(len(order), dtype=bool), np.ones(len(order))
    if explores:
        drawn = exploration.on(ruled, request)
        order, explored, propensity = drawn.order, drawn.explored, drawn.propensity
        moved = np.where(explored, 0, moved)
    cost = ruled.cost if rules.active else None
    return RerankedList(
        items[order], values[order], source[order], moved, explored, propensity, cost, ruled.unplaced
    )


def _pool(
    snapshot: Snapshot, wish: ListRequest, scored: ScoredList, rules: Rules, fresh: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int8]]:
    """The scored items, then pinned ones and the best new ones that are not among them.

    What was seen or dismissed, and what is no candidate, is not pinned either.
    """
    n = snapshot.n_items
    items, values, source = scored.items, scored.values, scored.source
    if fresh and not scored.personal:  # new ones, all alike, are to come in by their age
        old = ~snapshot.new[items]
        items, values, source = items[old], values[old], source[old]
    allowed = wish.allowed(n)
    may = np.ones(n, dtype=bool) if allowed is None else allowed
    may[wish.excluded(snapshot.out)] = False
    may[items] = False
    pinned, _ = snapshot.find(rules.pinned)
    pinned = pinned[may[pinned]]
    may[pinned] = False
    extra = np.concatenate([pinned, _best_new(snapshot, scored, may, fresh)]) if fresh else pinned
    if not len(extra):
        return items, values, source
    worth, origin = _judged(snapshot, scored, wish, extra)
    return (
        np.concatenate([items, extra]).astype(np.int32),
        np.concatenate([values, worth]),
        np.concatenate([source, origin]),
    )


def _best_new(
    snapshot: Snapshot, scored: ScoredList, may: NDArray[np.bool_], most: int
) -> NDArray[np.integer]:
    """The best new items for a person; for somebody unknown the newest ones."""
    if not scored.personal:
        return snapshot.newest[may[snapshot.newest]][:most]
    assert scored.scores is not None
    mask = may & snapshot.new
    count = int(mask.sum())
    if not count:
        return np.zeros(0, dtype=np.int32)
    found: NDArray[np.integer] = top_k(scored.scores[None], min(most, count), None, mask)[0][0]
    return found


def _judged(
    snapshot: Snapshot, scored: ScoredList, wish: ListRequest, items: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Scores and sources of items outside the list, as they would stand in a longer one."""
    if not scored.personal:
        code = EMPTY if wish.person.who != UNKNOWN else UNKNOWN_USER
        return np.zeros(len(items), dtype=np.float32), np.full(len(items), code, dtype=np.int8)
    assert scored.scores is not None
    raw = scored.scores[items]
    counts = (raw > 0) | scored.uses_context  # lists of people of whom more is known are not filled up
    source = np.where(counts, PERSONAL, NO_EVIDENCE).astype(np.int8)
    length = np.array([len(wish.person.history)])
    own = personal_lists(raw, scored.scorer.user_independent_scores(length, np.asarray(items)[None])[0])
    source[counts & ~own] = POPULAR
    return np.where(counts, raw, 0.0).astype(np.float32), source
