"""Recommendation on one snapshot: history, scores, rules, response; the core of `Engine.recommend`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sidelight.models.top_lists import SOURCES
from sidelight.serving.domain import Exposure
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.fair_turns import checkpoint
from sidelight.serving.recommend.batch_scoring import ListRequest, ScoredList, score_lists
from sidelight.serving.recommend.explanations import explain_items
from sidelight.serving.recommend.reranking import RerankedList, needs_pool, rerank, unchanged_list
from sidelight.serving.recommend.user_history import UserHistory, load_user_history
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.exploration import Exploration
from sidelight.serving.responses import Explanation, RankedItem, RecommendResponse
from sidelight.serving.snapshot import Snapshot
from sidelight.serving.status.recent_traffic import TrafficSample

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database

NAMED = 3  # history items and terms that an explanation in a list names
TOGETHER = 16  # explanations computed between two checkpoints


@dataclass(frozen=True, eq=False)
class LoggedResponse:
    """A response, and what is recorded of it.

    Args:
        response: The response.
        sample: Record for the traffic statistics.
        exposures: Records for the database; empty unless exploration took part.
    """

    response: RecommendResponse
    sample: TrafficSample
    exposures: tuple[Exposure, ...] = ()


def recommend_lists(
    snapshot: Snapshot,
    database: Database,
    options: EngineOptions,
    requests: Sequence[RecommendRequest],
    explore: bool = True,
) -> list[LoggedResponse]:
    """Answer a batch of requests, in their order; requests with equal context are scored together.

    Args:
        snapshot: Serving snapshot.
        database: Database of users and events.
        options: Options of the engine.
        requests: The requests.
        explore: False switches exploration off for all requests.

    Raises:
        SpecError: Context or rules that do not fit the model.
    """
    exploration = options.exploration if explore else Exploration()
    prepared = [_prepare(snapshot, database, options, request, exploration) for request in requests]
    groups: list[list[int]] = []
    for at, request in enumerate(requests):
        same = next((group for group in groups if requests[group[0]].context == request.context), None)
        if same is None:
            groups.append([at])
        else:
            same.append(at)
    responses: dict[int, LoggedResponse] = {}
    for group in groups:
        scored = score_lists(snapshot, [prepared[at][0] for at in group], requests[group[0]].context)
        for at, one in zip(group, scored, strict=True):
            responses[at] = _respond(snapshot, requests[at], *prepared[at], one, exploration)
    return [responses[at] for at in range(len(requests))]


def _prepare(
    snapshot: Snapshot,
    database: Database,
    options: EngineOptions,
    request: RecommendRequest,
    exploration: Exploration,
) -> tuple[ListRequest, tuple[str, ...]]:
    """Return the list to score for a request, and its candidates that are not in the catalogue."""
    checkpoint()
    user = load_user_history(snapshot, database, request)
    candidates = None
    unknown: tuple[str, ...] = ()
    if request.candidates is not None:
        candidates, unknown = snapshot.find(request.candidates)
    if not needs_pool(request, exploration):
        return ListRequest(user, request.k, request.filter_seen, candidates), unknown
    full = exploration.rate > 0 and request.explore
    if request.rules is not None:
        full = full or request.rules.floor > 0 or bool(request.rules.pin)
    pool = max(request.k, options.pool)
    return ListRequest(user, pool, request.filter_seen, candidates, full), unknown


def _respond(
    snapshot: Snapshot,
    request: RecommendRequest,
    wanted: ListRequest,
    unknown: tuple[str, ...],
    scored: ScoredList,
    exploration: Exploration,
) -> LoggedResponse:
    """Build the response to one request, and its records."""
    checkpoint()
    request_id, user, version = uuid.uuid4().hex, wanted.user, snapshot.version
    if needs_pool(request, exploration):
        shown = rerank(snapshot, request, wanted, scored, exploration, request_id)
    else:
        shown = unchanged_list(scored, request.k)
    items = _ranked_items(snapshot, request, user, shown)
    response = RecommendResponse(
        version, request_id, items, shown.cost, (*user.unknown, *unknown), not scored.personal,
        snapshot.change, shown.unplaced,
    )  # fmt: skip
    best = float(scored.values[0]) if scored.personal and len(scored.values) else 0.0
    sample = TrafficSample(
        at=time.monotonic(), length=len(user.history), given=len(set(request.history or ())),
        unknown=len(user.unknown), best=best if best > 0 else None, shown=len(items),
        new=sum(one.new for one in items), fallback=response.fallback, version=version,
    )  # fmt: skip
    if not (request.explore and exploration.rate > 0):
        return LoggedResponse(response, sample)
    now = datetime.now(UTC)
    rows = (
        Exposure(request_id, request.user, one.item_id, one.rank, one.propensity, one.explored, version, now)
        for one in items
    )
    return LoggedResponse(response, sample, tuple(rows))


def _ranked_items(
    snapshot: Snapshot, request: RecommendRequest, user: UserHistory, shown: RerankedList
) -> tuple[RankedItem, ...]:
    """Return the items of a list with titles and explanations; only these are looked up."""
    titles = snapshot.titles_of(shown.items)
    reasons: list[Explanation | None] = [None] * len(titles)
    if request.explain:
        for start in range(0, len(titles), TOGETHER):
            checkpoint()
            part = slice(start, start + TOGETHER)
            reasons[part] = explain_items(snapshot, user, shown.items[part], NAMED, request.context)
    rows = zip(  # in the order of the fields of `RankedItem`
        map(str, snapshot.model.items.ids[shown.items].tolist()), titles, shown.values.tolist(),
        range(1, len(titles) + 1), map(SOURCES.__getitem__, shown.source.tolist()),
        snapshot.new[shown.items].tolist(), shown.explored.tolist(), shown.propensity.tolist(),
        reasons, shown.moved.tolist(), strict=True,
    )  # fmt: skip
    return tuple(RankedItem(*row) for row in rows)
