"""From asks to answers on one snapshot; what `Engine.recommend` and its kin share."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sidelight.models.top_lists import SOURCES
from sidelight.serving.domain import Exposure
from sidelight.serving.fair_turns import checkpoint
from sidelight.serving.recommend.batch_scoring import ListRequest, ScoredList, score_lists
from sidelight.serving.recommend.explanations import explain_items
from sidelight.serving.recommend.requests import EngineOptions, Explanation, RecommendRequest
from sidelight.serving.recommend.responses import RankedItem, RecommendResponse
from sidelight.serving.recommend.user_history import UserHistory, load_user_history
from sidelight.serving.rerank.apply import RerankedList, needs_pool, rerank, unchanged_list
from sidelight.serving.rerank.exploration import Exploration
from sidelight.serving.snapshot import Snapshot
from sidelight.serving.status.recent_traffic import TrafficSample

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database

NAMED = 3  # history items and words that an explanation in a list names
TOGETHER = 16  # places of a list whose reasons are worked out between two looks whether to go on


@dataclass(frozen=True, eq=False)
class LoggedAnswer:
    """An answer and what is noted of it.

    Args:
        answer: For the one who asked.
        seen: For the counts.
        exposures: For the database; empty unless exploration took part.
    """

    answer: RecommendResponse
    seen: TrafficSample
    exposures: tuple[Exposure, ...] = ()


def answers(
    snapshot: Snapshot,
    database: Database,
    options: EngineOptions,
    asks: Sequence[RecommendRequest],
    explore: bool = True,
) -> list[LoggedAnswer]:
    """Answers in the order of the asks. Asks of one moment share one product.

    Args:
        snapshot: What answers, all of it.
        database: Of people and events.
        options: Of the engine.
        asks: What was asked.
        explore: False keeps exploration out, whatever the asks say.

    Raises:
        SpecError: Context or rules that do not fit the model.
    """
    exploration = options.exploration if explore else Exploration()
    prepared = [_wish(snapshot, database, options, ask, exploration) for ask in asks]
    groups: dict[int, list[int]] = {}
    moments: list[object] = []
    for at, ask in enumerate(asks):
        if ask.context not in moments:
            moments.append(ask.context)
        groups.setdefault(moments.index(ask.context), []).append(at)
    made: list[LoggedAnswer | None] = [None] * len(asks)
    for group in groups.values():
        scored = score_lists(snapshot, [prepared[at][0] for at in group], asks[group[0]].context)
        for at, one in zip(group, scored, strict=True):
            made[at] = _made(snapshot, asks[at], *prepared[at], one, exploration)
    return [each for each in made if each is not None]


def _wish(
    snapshot: Snapshot,
    database: Database,
    options: EngineOptions,
    ask: RecommendRequest,
    exploration: Exploration,
) -> tuple[ListRequest, tuple[str, ...]]:
    """The list that an ask needs, and the candidates that nobody knows."""
    checkpoint()
    someone = load_user_history(snapshot, database, ask)
    candidates = None
    unknown: tuple[str, ...] = ()
    if ask.candidates is not None:
        candidates, unknown = snapshot.find(ask.candidates)
    if not needs_pool(ask, exploration):
        return ListRequest(someone, ask.k, ask.filter_seen, candidates), unknown
    beyond = exploration.rate > 0 and ask.explore
    if ask.rules is not None:
        beyond = beyond or ask.rules.floor > 0 or bool(ask.rules.pin)
    return ListRequest(someone, max(ask.k, options.pool), ask.filter_seen, candidates, beyond), unknown


def _made(
    snapshot: Snapshot,
    ask: RecommendRequest,
    wish: ListRequest,
    unknown: tuple[str, ...],
    scored: ScoredList,
    exploration: Exploration,
) -> LoggedAnswer:
    """The answer to one ask."""
    checkpoint()
    request = uuid.uuid4().hex
    someone = wish.person
    if needs_pool(ask, exploration):
        shown = rerank(snapshot, ask, wish, scored, exploration, request)
    else:
        shown = unchanged_list(scored, ask.k)
    items = _listed(snapshot, ask, someone, scored, shown)
    answer = RecommendResponse(
        snapshot.version, request, items, shown.cost, (*someone.unknown, *unknown), not scored.personal,
        snapshot.change, shown.unplaced,
    )  # fmt: skip
    best = float(scored.values[0]) if scored.personal and len(scored.values) else 0.0
    seen = TrafficSample(
        time.monotonic(), len(someone.history),
        len(set(ask.history)) if ask.history is not None else 0, len(someone.unknown),
        best if best > 0 else None, len(items), sum(one.new for one in items), answer.fallback,
        snapshot.version,
    )  # fmt: skip
    if not (ask.explore and exploration.rate > 0):
        return LoggedAnswer(answer, seen)
    now = datetime.now(UTC)
    rows = (
        Exposure(
            request, ask.user, one.item_id, one.rank, one.propensity, one.explored, snapshot.version, now
        )
        for one in items
    )
    return LoggedAnswer(answer, seen, tuple(rows))


def _listed(
    snapshot: Snapshot, ask: RecommendRequest, someone: UserHistory, scored: ScoredList, shown: RerankedList
) -> tuple[RankedItem, ...]:
    """The items with all that is said of them; only these are looked up."""
    titles = snapshot.titles_of(shown.items)
    reasons: list[Explanation | None] = [None] * len(titles)
    if ask.explain:
        for start in range(0, len(titles), TOGETHER):
            checkpoint()
            some = slice(start, start + TOGETHER)
            reasons[some] = explain_items(snapshot, someone, shown.items[some], NAMED, ask.context)
    columns = zip(
        snapshot.model.items.ids[shown.items].tolist(), titles, shown.values.tolist(),
        shown.source.tolist(), snapshot.new[shown.items].tolist(), shown.explored.tolist(),
        shown.propensity.tolist(), reasons, shown.moved.tolist(), strict=True,
    )  # fmt: skip
    return tuple(
        RankedItem(str(item), title, score, rank, SOURCES[source], new, explored, propensity, reason, moved)
        for rank, (item, title, score, source, new, explored, propensity, reason, moved) in enumerate(
            columns, 1
        )
    )
