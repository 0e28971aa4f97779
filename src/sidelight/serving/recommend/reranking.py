"""Re-ranking of a scored list by business rules and exploration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sidelight.evaluation.ranking import top_k
from sidelight.models.recommender import UNKNOWN
from sidelight.models.top_lists import EMPTY, NO_EVIDENCE, PERSONAL, POPULAR, UNKNOWN_USER, personal_lists
from sidelight.serving.recommend.batch_scoring import ListRequest, ScoredList
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.apply import apply_rules
from sidelight.serving.rerank.candidates import CandidatePool
from sidelight.serving.rerank.exploration import Exploration
from sidelight.serving.rerank.rules import Rules
from sidelight.serving.responses import RuleCost
from sidelight.serving.snapshot import Snapshot


@dataclass(frozen=True, eq=False)
class RerankedList:
    """List as it is shown.

    Args:
        items: Inner indices, best first.
        values: Scores before rules, float32.
        source: Index into `top_lists.SOURCES`, one per item.
        moved: Places that rules moved each item up.
        explored: bool, slots of random items.
        propensity: Probability that each item is in the list.
        cost: Cost of the rules; None without.
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
    """Return the list in the order of its scores."""
    size = min(k, len(scored.items))
    nothing = np.zeros(size, dtype=np.int64)
    return RerankedList(
        scored.items[:k], scored.values[:k], scored.source[:k], nothing, nothing.astype(bool), np.ones(size)
    )  # fmt: skip


def needs_pool(request: RecommendRequest, exploration: Exploration) -> bool:
    """Return whether a list is more than the best scores."""
    ruled = request.rules is not None and bool(request.rules.active)
    return ruled or (request.explore and exploration.rate > 0)


def rerank(
    snapshot: Snapshot,
    request: RecommendRequest,
    wanted: ListRequest,
    scored: ScoredList,
    exploration: Exploration,
    request_id: str,
) -> RerankedList:
    """Apply the rules of a request, then exploration.

    Args:
        snapshot: Serving snapshot.
        request: The request.
        wanted: Its list request, as long as the pool.
        scored: The pool.
        exploration: Options of exploration.
        request_id: Seed of the random draws.

    Raises:
        SpecError: A rule that does not fit the catalogue.
    """
    rules = request.rules if request.rules is not None else Rules()
    explores = request.explore and exploration.rate > 0
    fresh = exploration.pool + request.k if explores else request.k if rules.floor > 0 else 0
    items, values, source = _pool(snapshot, wanted, scored, rules, fresh)
    places = np.asarray(items, dtype=np.int64)
    pool = CandidatePool(
        ids=snapshot.model.items.ids[items].astype(np.str_),
        scores=values,
        new=snapshot.new[items],
        age=snapshot.ages(items),
        matches=snapshot.attributes.of(items),
        similarity=lambda at: scored.scorer.similar(places[at : at + 1], places)[0],
    )
    ruled = apply_rules(rules, pool, request.k)
    order, moved = ruled.order, ruled.moved
    explored, propensity = np.zeros(len(order), dtype=bool), np.ones(len(order))
    if explores:
        drawn = exploration.on(ruled, request_id)
        order, explored, propensity = drawn.order, drawn.explored, drawn.propensity
        moved = np.where(explored, 0, moved)
    cost = ruled.cost if rules.active else None
    return RerankedList(
        items[order], values[order], source[order], moved, explored, propensity, cost, ruled.unplaced
    )


def _pool(
    snapshot: Snapshot, wanted: ListRequest, scored: ScoredList, rules: Rules, fresh: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int8]]:
    """Join the scored items, then pinned ones and the best new ones that are not among them.

    Seen and dismissed items, and items that are no candidates, are not pinned either.
    """
    items, values, source = scored.items, scored.values, scored.source
    if fresh and not scored.personal:  # new items, whose scores are all equal, come in by their age
        old = ~snapshot.new[items]
        items, values, source = items[old], values[old], source[old]
    allowed = wanted.allowed(snapshot.n_items)
    may = np.ones(snapshot.n_items, dtype=bool) if allowed is None else allowed
    may[wanted.excluded(snapshot.out)] = False
    may[items] = False
    pinned, _ = snapshot.find(rules.pinned)
    pinned = pinned[may[pinned]]
    may[pinned] = False
    extra = np.concatenate([pinned, _best_new(snapshot, scored, may, fresh)]) if fresh else pinned
    if not len(extra):
        return items, values, source
    scores, sources = _score_extra(scored, wanted, extra)
    return (
        np.concatenate([items, extra]).astype(np.int32),
        np.concatenate([values, scores]),
        np.concatenate([source, sources]),
    )


def _best_new(
    snapshot: Snapshot, scored: ScoredList, may: NDArray[np.bool_], most: int
) -> NDArray[np.integer]:
    """Select the best new items for a user; the newest ones for an unknown user."""
    if not scored.personal:
        return snapshot.newest[may[snapshot.newest]][:most]
    assert scored.scores is not None
    mask = may & snapshot.new
    count = int(mask.sum())
    if not count:
        return np.zeros(0, dtype=np.int32)
    best: NDArray[np.integer] = top_k(scored.scores[None], min(most, count), None, mask)[0][0]
    return best


def _score_extra(
    scored: ScoredList, wanted: ListRequest, items: NDArray[np.integer]
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Scores and sources of items outside the list, as they would be in a longer one."""
    if not scored.personal:
        code = EMPTY if wanted.user.user != UNKNOWN else UNKNOWN_USER
        return np.zeros(len(items), dtype=np.float32), np.full(len(items), code, dtype=np.int8)
    assert scored.scores is not None
    raw = scored.scores[items]
    counts = (raw > 0) | scored.uses_context  # lists that use side features are not filled up
    source = np.where(counts, PERSONAL, NO_EVIDENCE).astype(np.int8)
    length = np.array([len(wanted.user.history)])
    own = personal_lists(raw, scored.scorer.user_independent_scores(length, np.asarray(items)[None])[0])
    source[counts & ~own] = POPULAR
    return np.where(counts, raw, 0.0).astype(np.float32), source
