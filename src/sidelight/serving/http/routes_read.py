"""Operations that answer and change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from sidelight.errors import UnknownIdError
from sidelight.serving.fair_turns import HISTORY, SCORES, cost
from sidelight.serving.http import request_models
from sidelight.serving.http.access_control import need
from sidelight.serving.http.endpoint import LIGHT, RequestState
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.image_limits import check_images
from sidelight.serving.http.problems import Problem
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.rules import Rules
from sidelight.serving.responses import Audience, Explanation, RecommendResponse, ShownItems
from sidelight.serving.search.exact_search import EXACT

if TYPE_CHECKING:
    from sidelight.serving.engine import Engine

SCANNED = 2000  # items that a search reads at a cost of 1


class ReadRoutes:
    """Lists, reasons, audiences, and the catalogue.

    Args:
        engine: Answers.
        options: Limits that may be lower than those of the description.
    """

    def __init__(self, engine: Engine, options: HttpOptions) -> None:
        self._engine, self._options = engine, options

    def recommend(self, call: RequestState, body: request_models.Recommend) -> RecommendResponse:
        """The best items for one person, new ones among them, best first.

        For a user id, the stored history counts, with the events that came since; an id that nobody
        knows gets popular items, and `fallback` says so. Somebody who is not stored sends a history.
        Rules change the list and `cost` says by how much; with `explain` every item says why it is there.
        For a user id, `explain` and `filter_seen: false` need the scope `history`: they tell what it touched.
        """
        answer = self._engine.recommend(self._ask(call, body))
        # The name of the list is the name of the request: exposures, logs and answer can be joined.
        call.request_id, call.version = answer.request_id, answer.version
        return answer

    def recommend_batch(self, call: RequestState, body: request_models.Batch) -> dict[str, Any]:
        """Lists for several people at once, in the order of the requests.

        Quicker than one by one: the model is asked once for all. It counts as that many requests.
        """
        call.worth = max(call.worth, len(body.requests))
        answers = self._engine.recommend_many([self._ask(call, each) for each in body.requests])
        call.version = answers[0].version
        return {"answers": answers}

    def similar(self, call: RequestState, body: request_models.Similar) -> dict[str, Any]:
        """The items most like one, best first."""
        self._most(body.k, self._options.max_k, "k")
        return {"items": self._engine.similar(body.item, body.k)}

    def explain(self, call: RequestState, body: request_models.Explain) -> Explanation:
        """Divide the score of an item into signed shares of the whole score.

        Popularity, user, context, each history item and the rest sum to 1 (for a score above 0); the
        share of a history item is the fall of the score when it is taken out. For a user id that tells
        what they touched, and needs the scope `history`.
        """
        _own(call, body)
        history = self._history(body)
        return self._engine.explain(body.item, body.user, history=history, k=body.k)

    def audience(self, call: RequestState, body: request_models.Audience) -> Audience:
        """Count the users who would have an item among their first k, name the nearest, and what is like it.

        For a row, the item is only imagined: nothing is stored. People without consent never appear.
        """
        self._most(body.k, self._options.max_k, "k")
        if body.row is not None:
            catalogue = self._engine.snapshot.model.items
            check_images([("/row", body.row)], catalogue, self._options)
        return self._engine.audience(body.item, body.row, k=body.k)

    def search_items(
        self, call: RequestState, query: Annotated[request_models.Search, Query()]
    ) -> ShownItems:
        """Items whose title has these words, or whose id begins like this."""
        return ShownItems(tuple(self._engine.search(query.q, query.k)))

    def get_items(self, call: RequestState, body: request_models.GetItems) -> ShownItems:
        """Items by their ids, in the order of the ids; ids that nobody knows are listed apart."""
        items, unknown = [], []
        for item in dict.fromkeys(body.items):
            try:
                items.append(self._engine.item(item))
            except UnknownIdError:
                unknown.append(item)
        return ShownItems(tuple(items), tuple(unknown))

    def price(self, body: BaseModel) -> float:
        """Cost of a request, see `turns.cost`; that of a batch is never that of a short one.

        Raises:
            Problem: 422, it costs more than this service is set to give one request.
        """
        own = self._engine.snapshot
        n_items = len(own.model.items.rows)
        scores = n_items if getattr(own, "search", EXACT).recall is None else 0
        if isinstance(body, request_models.Audience):
            return self._options.most_cost / 4  # it looks at all users
        if isinstance(body, request_models.Search):
            return n_items / SCANNED
        if isinstance(body, request_models.Explain):
            return 2 * n_items / SCORES + 1 + len(body.history or ()) / HISTORY
        if not isinstance(body, (request_models.Recommend, request_models.Batch)):
            return 0.0
        many = isinstance(body, request_models.Batch)
        lists = body.requests if isinstance(body, request_models.Batch) else [body]
        self._most(len(lists), self._options.max_batch, "requests")
        found, most = cost(lists, scores), self._options.most_cost
        if found > most and (many or lists[0].k > 1):
            raise Problem(422, _too_costly(lists, found, most, scores), "too-costly")
        return max(found, LIGHT + 1) if many else found

    def _ask(self, call: RequestState, body: request_models.Recommend) -> RecommendRequest:
        if body.explain or not body.filter_seen:
            _own(call, body)
        self._most(body.k, self._options.max_k, "k")
        self._most(len(body.candidates or ()), self._options.max_ids, "candidates")
        rules = None if body.rules is None else Rules.from_dict(body.rules.model_dump(exclude_unset=True))
        return RecommendRequest(
            user=body.user,
            history=self._history(body),
            context=body.context,
            k=body.k,
            candidates=None if body.candidates is None else tuple(body.candidates),
            rules=rules,
            explain=body.explain,
            explore=body.explore,
            filter_seen=body.filter_seen,
        )

    def _history(self, body: request_models.Person) -> tuple[str, ...] | None:
        if body.history is None:
            return None
        self._most(len(body.history), self._options.max_history, "history")
        return tuple(body.history)

    def _most(self, found: int, most: int, what: str) -> None:
        if found > most:
            raise Problem(
                422, f"expected {what} of at most {most:,}, as this service is set; found {found:,}"
            )


def _own(call: RequestState, body: request_models.Person) -> None:
    """Let only a key with the scope `history` ask what tells of a stored history.

    Raises:
        Problem: 403.
    """
    if body.user is not None:
        need(call.key, "history", "what tells the history of a user")


def _too_costly(lists: Sequence[request_models.Recommend], found: float, most: float, scores: int) -> str:
    """The complaint, with what would be accepted."""
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
