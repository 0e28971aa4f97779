"""Endpoints that change nothing: lists, explanations, audiences and the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from pydantic import BaseModel

from sidelight.errors import UnknownIdError
from sidelight.serving.fair_turns import HISTORY, SCORES, cost
from sidelight.serving.http import request_models
from sidelight.serving.http.access_control import require_scope
from sidelight.serving.http.endpoint import LIGHT, RequestState
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.image_limits import check_images
from sidelight.serving.http.problems import Problem
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.rules import Rules
from sidelight.serving.responses import Audience, Explanation, RankedItem, RecommendResponse, ShownItems
from sidelight.serving.search.exact_search import EXACT

if TYPE_CHECKING:
    from sidelight.serving.engine import Engine

SCANNED = 2000  # items that a search reads at a cost of 1


@dataclass(frozen=True)
class BatchResponse:
    """Lists in the order of the requests."""

    answers: list[RecommendResponse]


@dataclass(frozen=True)
class SimilarItems:
    """Similar items, best first."""

    items: list[RankedItem]


class ReadRoutes:
    """Endpoints for lists, explanations, audiences, and the catalogue.

    Args:
        engine: Engine that computes the responses.
        options: Limits that may be lower than those of the OpenAPI schema.
    """

    def __init__(self, engine: Engine, options: HttpOptions) -> None:
        self._engine, self._options = engine, options

    def recommend(self, state: RequestState, body: request_models.RecommendBody) -> RecommendResponse:
        """Recommend the best items to one user, new ones among them, best first.

        For a user id, the stored history counts, with the events that came since; an unknown id gets popular
        items, and `fallback` says so. For a user who is not stored, send a history. Rules change the list
        and `cost` says by how much; with `explain` every item has an explanation. For a user id, `explain`
        and `filter_seen: false` need the scope `history`: they reveal the stored history.
        """
        answer = self._engine.recommend(self._request(state, body))
        # The list and the request share one id: exposures, logs and responses can be joined.
        state.request_id, state.version = answer.request_id, answer.version
        return answer

    def recommend_batch(self, state: RequestState, body: request_models.BatchBody) -> BatchResponse:
        """Recommend items to several users at once; lists in the order of the requests.

        Faster than one by one: the model scores all of them together. It counts as that many requests.
        """
        state.tokens = max(state.tokens, len(body.requests))
        answers = self._engine.recommend_many([self._request(state, each) for each in body.requests])
        state.version = answers[0].version
        return BatchResponse(answers)

    def similar(self, state: RequestState, body: request_models.SimilarBody) -> SimilarItems:
        """Find the items most similar to one, best first."""
        self._limit(body.k, self._options.max_k, "k")
        return SimilarItems(self._engine.similar(body.item, body.k))

    def explain(self, state: RequestState, body: request_models.ExplainBody) -> Explanation:
        """Divide the score of an item into signed shares of the whole score.

        Popularity, user, context, each history item and the rest sum to 1 (for a score above 0); the share of
        a history item is the fall of the score when it is taken out. For a user id this reveals the stored
        history, and needs the scope `history`.
        """
        _require_history(state, body)
        self._limit_history(body)
        return self._engine.explain(body.item, body.user, history=body.history, k=body.k)

    def audience(self, state: RequestState, body: request_models.AudienceBody) -> Audience:
        """Count the users who would have an item among their first k; the nearest users and similar items.

        For a row, the item is hypothetical: nothing is stored. Users without consent never appear.
        """
        self._limit(body.k, self._options.max_k, "k")
        if body.row is not None:
            check_images([("/row", body.row)], self._engine.snapshot.model.items, self._options)
        return self._engine.audience(body.item, body.row, k=body.k)

    def search_items(
        self, state: RequestState, query: Annotated[request_models.SearchQuery, Query()]
    ) -> ShownItems:
        """Find items by words of their titles, or by the beginning of their ids."""
        return ShownItems(tuple(self._engine.search(query.q, query.k)))

    def get_items(self, state: RequestState, body: request_models.GetItemsBody) -> ShownItems:
        """Return items by their ids, in the order of the ids; unknown ids are listed apart."""
        items, unknown = [], []
        for item in dict.fromkeys(body.items):
            try:
                items.append(self._engine.item(item))
            except UnknownIdError:
                unknown.append(item)
        return ShownItems(tuple(items), tuple(unknown))

    def estimate_cost(self, body: BaseModel) -> float:
        """Estimate the cost of a request, see `fair_turns.cost`; a batch is never light.

        Raises:
            Problem: 422, it costs more than this service allows per request.
        """
        snapshot, most = self._engine.snapshot, self._options.most_cost
        n_items = len(snapshot.model.items.rows)
        if isinstance(body, request_models.AudienceBody):
            return most / 4  # it scores all users
        if isinstance(body, request_models.SearchQuery):
            return n_items / SCANNED
        if isinstance(body, request_models.ExplainBody):
            return 2 * n_items / SCORES + 1 + len(body.history or ()) / HISTORY
        if isinstance(body, request_models.BatchBody):
            lists = body.requests
        elif isinstance(body, request_models.RecommendBody):
            lists = [body]
        else:
            return 0.0
        self._limit(len(lists), self._options.max_batch, "requests")
        batch = isinstance(body, request_models.BatchBody)
        scores = n_items if getattr(snapshot, "search", EXACT).recall is None else 0
        estimate = cost(lists, scores)
        if estimate > most and (batch or lists[0].k > 1):
            raise Problem(422, _too_costly(lists, estimate, most, scores), "too-costly")
        return max(estimate, LIGHT + 1) if batch else estimate

    def _request(self, state: RequestState, body: request_models.RecommendBody) -> RecommendRequest:
        if body.explain or not body.filter_seen:
            _require_history(state, body)
        self._limit(body.k, self._options.max_k, "k")
        self._limit(len(body.candidates or ()), self._options.max_ids, "candidates")
        self._limit_history(body)
        given = dict(body)
        if body.rules is not None:
            given["rules"] = Rules.from_dict(body.rules.model_dump(exclude_unset=True))
        return RecommendRequest(**given)

    def _limit_history(self, body: request_models.UserOrHistory) -> None:
        self._limit(len(body.history or ()), self._options.max_history, "history")

    def _limit(self, found: int, most: int, what: str) -> None:
        if found > most:
            detail = f"expected {what} of at most {most:,}, as this service is set; found {found:,}"
            raise Problem(422, detail)


def _require_history(state: RequestState, body: request_models.UserOrHistory) -> None:
    """Require the scope `history` for a response that reveals a stored history.

    Raises:
        Problem: 403.
    """
    if body.user is not None:
        require_scope(state.key, "history", "what tells the history of a user")


def _too_costly(lists: Sequence[request_models.RecommendBody], found: float, most: float, scores: int) -> str:
    """Describe a request that costs too much, with one that would be accepted."""
    fit = int(len(lists) * most / found)
    base = scores / SCORES
    fix = f"send at most {fit:,} such lists at a time"
    if not fit:
        longest = max(each.k for each in lists)
        fix = f"send lists one by one, with k of at most {max(1, int(longest * (most - base) / found)):,}"
    return (
        f"expected a request that costs at most {most:,.0f}; found {len(lists):,} lists of "
        f"{sum(each.k for each in lists):,} places that cost about {found:,.0f}; {fix}, or ask without "
        "explain and diversity"
    )
