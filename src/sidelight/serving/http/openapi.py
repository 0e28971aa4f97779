"""The API as a table: path, method, name, scope, errors, examples; and the OpenAPI document made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.routing import BaseRoute

from sidelight.serving.http import problems, response_models
from sidelight.serving.http.endpoint import Where

Example = Any
ABOUT: Final = """\
Recommendations from one calibrated list of old and new items.

Ids are text. Bodies are JSON in UTF-8, `Content-Type: application/json`, not compressed; keys that are not
described are refused. Every error is a problem document (RFC 9457) that never repeats what was sent, and
every answer carries `X-Request-ID`.

A key goes into the header `Authorization: Bearer sl_...`. Its scopes say what it may do: `read`, `history`,
`events`, `metrics`, `admin`; none includes another. 429 and 503 come with `Retry-After`."""
TAGS: Final = {
    "lists": "What to show to whom.",
    "catalogue": "Items, and new items.",
    "people": "Events, consent, forgetting.",
    "versions": "Which model serves.",
    "health": "Whether it is well.",
}
_ITEM: Final = {
    "item_id": "i07", "title": "folding spade", "score": 1.84, "rank": 1, "source": "personal", "new": True,
    "explored": False, "propensity": 1.0, "why": None, "moved": 0,
}  # fmt: skip
_REQUEST_ID: Final = "6f1c0d3a9be84f3d8e0c5b7a1d2e4f60"
_ANSWER: Final = {
    "version": "20260131T090000Z", "request_id": _REQUEST_ID, "items": [_ITEM], "cost": None, "unknown": [],
    "fallback": False, "change": 12, "unplaced": [],
}  # fmt: skip
_ROW: Final = {"title": "folding spade", "brand": "Fernhill", "tags": ["outdoor", "spade"], "price": 19.5}
_SHOWN: Final = {"item_id": "i07", "title": "folding spade", "row": _ROW, "new": True, "retired": False}
_VERSION: Final = {
    "name": "20260131T090000Z", "created": "2026-01-31T09:00:00Z", "note": "weekly", "fingerprint": "ab12",
    "metrics": {"cold.ndcg@10": 0.21}, "size": 1048576, "current": True, "previous": False,
}  # fmt: skip
_WHY: Final = {
    "item_id": "i07", "score": 1.84, "popularity": 0.31, "user": 0.0, "context": 0.0,
    "history": [["i01", "sturdy rake", 0.55]], "rest": 0.14, "words": [["garden", 0.2], ["spade", 0.12]],
}  # fmt: skip


@dataclass(frozen=True)
class ApiEntry:
    """One operation as it is described.

    Args:
        method, path: Of HTTP.
        name: Its operation id: it never changes.
        summary: A few words.
        tag: Of `TAGS`.
        scope: What a key must be good for; "" is open.
        gives: Model of the answer; None for other content.
        sends: An example of the body; None without a body.
        example: Of the answer.
        errors: Statuses beside those that all operations share.
        where: Which threads it runs in.
        query: It takes a query.
        media: Content type of the answer.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    scope: str
    gives: type[BaseModel] | None
    sends: Example = None
    example: Example = None
    errors: tuple[int, ...] = ()
    where: Where = "answer"
    query: bool = False
    media: str = "application/json"

    @property
    def statuses(self) -> list[int]:
        """Errors that it may answer with."""
        found = {421, 503, 500, *self.errors, *((401, 403, 429) if self.scope else ())}
        found |= {400, 408, 413, 415, 422} if self.sends is not None else {400, 422} if self.query else {400}
        return sorted(found)


ENTRIES: Final = (
    ApiEntry(
        "POST", "/v1/recommend", "recommend", "Recommend items", "lists", "read", response_models.Answer,
        {"user": "u01", "k": 10}, _ANSWER,
    ),
    ApiEntry(
        "POST", "/v1/recommend/batch", "recommend_batch", "Recommend to several people", "lists", "read",
        response_models.Answers, {"requests": [{"user": "u01"}, {"history": ["i01", "i05"]}]},
        {"answers": [_ANSWER]},
    ),
    ApiEntry(
        "POST", "/v1/similar", "similar", "Similar items", "lists", "read", response_models.ListedItems,
        {"item": "i01", "k": 10}, {"items": [{**_ITEM, "source": "similar"}]}, (404,),
    ),
    ApiEntry(
        "POST", "/v1/explain", "explain", "Why an item", "lists", "read", response_models.Explanation,
        {"item": "i07", "history": ["i01", "i05"], "k": 3}, _WHY, (404,),
    ),
    ApiEntry(
        "POST", "/v1/audience", "audience", "People for an item", "lists", "admin", response_models.Audience,
        {"row": _ROW, "k": 10},
        {"people": [{"user": "u01", "place": 2, "score": 1.4}], "near": [_ITEM], "looked_at": 60, "users": 60,
         "missing": [], "first": 10, "reached": 7}, (404,),
    ),
    ApiEntry(
        "GET", "/v1/items", "search_items", "Search the catalogue", "catalogue", "read",
        response_models.ShownItems,
        example={"items": [_SHOWN], "unknown": []}, query=True,
    ),
    ApiEntry(
        "POST", "/v1/items/get", "get_items", "Items by id", "catalogue", "read", response_models.ShownItems,
        {"items": ["i07", "i99"]}, {"items": [_SHOWN], "unknown": ["i99"]},
    ),
    ApiEntry(
        "PUT", "/v1/items", "put_items", "Add or replace items", "catalogue", "admin",
        response_models.ItemsReceipt,
        {"items": [{"item_id": "i81", **_ROW}]},
        {"change": 13, "accepted": 1, "placed": True, "missing": [], "later": [], "refused": []},
        where="items", query=True,
    ),
    ApiEntry(
        "PUT", "/v1/items/retired", "retire_items", "Retire items, or undo it", "catalogue", "admin",
        response_models.Retired, {"items": ["i07"], "retired": True}, {"items": ["i07"], "changed": 1,
        "unknown": []},
    ),
    ApiEntry(
        "GET", "/v1/items/retired", "list_retired", "Retired items", "catalogue", "admin",
        response_models.Retired,
        example={"items": ["i07"], "changed": 0, "unknown": []}, where="side",
    ),
    ApiEntry(
        "POST", "/v1/events", "add_events", "Store events", "people", "events", response_models.EventsReceipt,
        {"events": [{"user": "u01", "item": "i07", "kind": "click", "at": "2026-03-01T09:30:00Z",
                     "event_id": "c0ffee"}]}, {"accepted": 1, "dropped": 0},
    ),
    ApiEntry(
        "PUT", "/v1/consent", "set_consent", "Give or withdraw consent", "people", "admin",
        response_models.ConsentReceipt, {"user": "u01", "given": False}, {"given": False},
    ),
    ApiEntry(
        "POST", "/v1/forget", "forget", "Forget somebody", "people", "admin", response_models.ForgetReceipt,
        {"user": "u01"}, {"deleted": 7},
    ),
    ApiEntry(
        "GET", "/v1/versions", "list_versions", "Versions of the store", "versions", "admin",
        response_models.Versions, example={"versions": [_VERSION]}, errors=(409, 422), where="side",
    ),
    ApiEntry(
        "POST", "/v1/versions/promote", "promote", "Let a version serve", "versions", "admin",
        response_models.Version, {"name": "20260131T090000Z"}, _VERSION, (404, 409), "slow",
    ),
    ApiEntry(
        "POST", "/v1/versions/rollback", "rollback", "Let the previous version serve", "versions", "admin",
        response_models.Version, example=_VERSION, errors=(409, 422), where="back",
    ),
    ApiEntry("GET", "/v1/status", "status", "Status", "health", "read", response_models.Status, where="side"),
    ApiEntry(
        "GET", "/healthz", "alive", "Is it alive", "health", "", response_models.Health,
        example={"status": "alive"}, where="here",
    ),
    ApiEntry(
        "GET", "/readyz", "ready", "Is it ready", "health", "", response_models.Health,
        example={"status": "ready"}, where="here",
    ),
    ApiEntry(
        "GET", "/metrics", "metrics", "Metrics", "health", "metrics", None, where="side",
        example="sidelight_items 80.0\n", media="text/plain; version=0.0.4; charset=utf-8",
    ),
)  # fmt: skip


def document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI document of an app.

    Args:
        routes: Of the app.
    """
    tags = [{"name": name, "description": text} for name, text in TAGS.items()]
    made = get_openapi(
        title="Sidelight", version=version("sidelight"), description=ABOUT, routes=routes, tags=tags
    )
    parts = made.setdefault("components", {})
    parts["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key that `sidelight keys new` made."}
    }
    place = "#/components/schemas/{model}"
    problem = response_models.Problem.model_json_schema(ref_template=place, mode="serialization")
    parts.setdefault("schemas", {}).update({**problem.pop("$defs", {}), "Problem": problem})
    for name in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(name, None)
    for entry in ENTRIES:
        _complete(made["paths"][entry.path][entry.method.lower()], entry)
    return made


def _complete(operation: dict[str, Any], entry: ApiEntry) -> None:
    """Examples, errors and security of one operation."""
    operation["security"] = [{"key": [entry.scope]}] if entry.scope else []
    if entry.sends is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = entry.sends
    good = operation["responses"]["200"]
    good["description"] = "The answer."
    good["headers"] = _headers()
    if entry.gives is None:
        good["content"] = {entry.media.partition(";")[0]: {"schema": {"type": "string"}}}
    if entry.example is not None:
        next(iter(good["content"].values()))["example"] = entry.example
    operation["responses"] = {"200": good} | {str(s): _error(s) for s in entry.statuses}


def _headers(status: int = 200) -> dict[str, Any]:
    found: dict[str, Any] = {"X-Request-ID": _header("string", "Names the request in the log.")}
    if status in (429, 503):
        found["Retry-After"] = _header("integer", "Seconds after which to ask again; where it helps.")
    if status == 401:
        found["WWW-Authenticate"] = _header("string", "Bearer.")
    return found


def _header(kind: str, text: str) -> Mapping[str, Any]:
    return {"description": text, "schema": {"type": kind}}


def _error(status: int) -> dict[str, Any]:
    """How an error is described."""
    name, title = problems.KINDS[status]
    example = {
        "type": f"urn:sidelight:problem:{name}",
        "title": title,
        "status": status,
        "detail": "what is wrong with this request and what to do",
        "request_id": _REQUEST_ID,
    }
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": f"{title}.", "headers": _headers(status), "content": {problems.MEDIA: content}}
