"""Table of the API: path, method, name, scope, errors and examples; and the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from sidelight.serving.http import problems
from sidelight.serving.http.endpoint import Lane

JSON: Final = "application/json"
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
_TEXT: Final = {"type": "string"}
_POINTER: Final = {
    "type": "string",
    "description": 'JSON pointer; "" is the whole body, "*" a name that is not repeated.',
}
_MISTAKE: Final = {
    "type": "object",
    "description": "One mistake of a request.",
    "properties": {"pointer": _POINTER, "detail": _TEXT},
    "required": ["pointer", "detail"],
}
PROBLEM: Final = {
    "type": "object",
    "description": "RFC 9457. Nothing of what was sent is repeated.",
    "properties": {
        "type": {"type": "string", "examples": ["urn:sidelight:problem:invalid"]},
        "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "request_id": _TEXT,
        "errors": {"type": "array", "items": _MISTAKE},
    },
    "required": ["type", "title", "status", "detail", "request_id"],
}  # fmt: skip
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
    """Description of one endpoint; the types of its request and response are those of its handler.

    Args:
        method: HTTP method.
        path: Path without parameters.
        name: Operation id, and name of the handler: it never changes.
        summary: A few words.
        tag: One of `TAGS`.
        scope: Scope that a key needs; "" is open.
        sends: Example of the body; None without a body.
        example: Example of the response.
        errors: Statuses beside those that all endpoints share.
        lane: Executor that runs it.
        query: Whether it takes a query.
        media: Content type of the response.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    scope: str
    sends: Any = None
    example: Any = None
    errors: tuple[int, ...] = ()
    lane: Lane = "answer"
    query: bool = False
    media: str = JSON

    @property
    def statuses(self) -> list[int]:
        """Statuses of the errors that it may return."""
        found = {421, 503, 500, *self.errors, *((401, 403, 429) if self.scope else ())}
        found |= {400, 408, 413, 415, 422} if self.sends is not None else {400, 422} if self.query else {400}
        return sorted(found)


ENTRIES: Final = (
    ApiEntry(
        "POST", "/v1/recommend", "recommend", "Recommend items", "lists", "read",
        {"user": "u01", "k": 10}, _ANSWER,
    ),
    ApiEntry(
        "POST", "/v1/recommend/batch", "recommend_batch", "Recommend to several people", "lists", "read",
        {"requests": [{"user": "u01"}, {"history": ["i01", "i05"]}]},
        {"answers": [_ANSWER]},
    ),
    ApiEntry(
        "POST", "/v1/similar", "similar", "Similar items", "lists", "read",
        {"item": "i01", "k": 10}, {"items": [{**_ITEM, "source": "similar"}]}, (404,),
    ),
    ApiEntry(
        "POST", "/v1/explain", "explain", "Why an item", "lists", "read",
        {"item": "i07", "history": ["i01", "i05"], "k": 3}, _WHY, (404,),
    ),
    ApiEntry(
        "POST", "/v1/audience", "audience", "People for an item", "lists", "admin",
        {"row": _ROW, "k": 10},
        {"people": [{"user": "u01", "place": 2, "score": 1.4}], "near": [_ITEM], "looked_at": 60, "users": 60,
         "missing": [], "first": 10, "reached": 7}, (404,),
    ),
    ApiEntry(
        "GET", "/v1/items", "search_items", "Search the catalogue", "catalogue", "read",
        example={"items": [_SHOWN], "unknown": []}, query=True,
    ),
    ApiEntry(
        "POST", "/v1/items/get", "get_items", "Items by id", "catalogue", "read",
        {"items": ["i07", "i99"]}, {"items": [_SHOWN], "unknown": ["i99"]},
    ),
    ApiEntry(
        "PUT", "/v1/items", "put_items", "Add or replace items", "catalogue", "admin",
        {"items": [{"item_id": "i81", **_ROW}]},
        {"change": 13, "accepted": 1, "placed": True, "missing": [], "later": [], "refused": []},
        lane="items", query=True,
    ),
    ApiEntry(
        "PUT", "/v1/items/retired", "retire_items", "Retire items, or undo it", "catalogue", "admin",
        {"items": ["i07"], "retired": True}, {"items": ["i07"], "changed": 1,
        "unknown": []},
    ),
    ApiEntry(
        "GET", "/v1/items/retired", "list_retired", "Retired items", "catalogue", "admin",
        example={"items": ["i07"], "changed": 0, "unknown": []}, lane="side",
    ),
    ApiEntry(
        "POST", "/v1/events", "add_events", "Store events", "people", "events",
        {"events": [{"user": "u01", "item": "i07", "kind": "click", "at": "2026-03-01T09:30:00Z",
                     "event_id": "c0ffee"}]}, {"accepted": 1, "dropped": 0},
    ),
    ApiEntry(
        "PUT", "/v1/consent", "set_consent", "Give or withdraw consent", "people", "admin",
        {"user": "u01", "given": False}, {"given": False},
    ),
    ApiEntry(
        "POST", "/v1/forget", "forget", "Forget somebody", "people", "admin",
        {"user": "u01"}, {"deleted": 7},
    ),
    ApiEntry(
        "GET", "/v1/versions", "list_versions", "Versions of the store", "versions", "admin",
        example={"versions": [_VERSION]}, errors=(409, 422), lane="side",
    ),
    ApiEntry(
        "POST", "/v1/versions/promote", "promote", "Let a version serve", "versions", "admin",
        {"name": "20260131T090000Z"}, _VERSION, (404, 409), "slow",
    ),
    ApiEntry(
        "POST", "/v1/versions/rollback", "rollback", "Let the previous version serve", "versions", "admin",
        example=_VERSION, errors=(409, 422), lane="back",
    ),
    ApiEntry("GET", "/v1/status", "status", "Status", "health", "read", lane="side"),
    ApiEntry(
        "GET", "/healthz", "alive", "Is it alive", "health", "",
        example={"status": "alive"}, lane="here",
    ),
    ApiEntry(
        "GET", "/readyz", "ready", "Is it ready", "health", "",
        example={"status": "ready"}, lane="here",
    ),
    ApiEntry(
        "GET", "/metrics", "metrics", "Metrics", "health", "metrics", lane="side",
        example="sidelight_items 80.0\n", media="text/plain; version=0.0.4; charset=utf-8",
    ),
)  # fmt: skip


def document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Generate the OpenAPI document of an app.

    Args:
        routes: Endpoints of the app.
    """
    tags = [{"name": name, "description": text} for name, text in TAGS.items()]
    found = get_openapi(
        title="Sidelight", version=version("sidelight"), description=ABOUT, routes=routes, tags=tags
    )
    parts = found["components"]
    parts["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key that `sidelight keys new` made."}
    }
    for name in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(name, None)
    for schema in parts["schemas"].values():
        _describe_fields(schema)
    parts["schemas"]["Problem"] = PROBLEM
    for entry in ENTRIES:
        _complete(found["paths"][entry.path][entry.method.lower()], entry)
    return found


def _describe_fields(schema: dict[str, Any]) -> None:
    """Complete the schema of a response: its dataclass describes fields in `Args:`, and all are present."""
    text, _, args = schema.get("description", "").partition("\nArgs:\n")
    schema["description"] = text.strip()
    fields = schema["properties"]
    for names, words in re.findall(r"^ {4}(\w[\w, ]*): (.*(?:\n {5,}.*)*)", args, re.MULTILINE):
        for name in names.split(", "):
            fields[name]["description"] = " ".join(words.split())
    if "additionalProperties" not in schema:  # not a request
        schema["required"] = list(fields)


def _complete(operation: dict[str, Any], entry: ApiEntry) -> None:
    """Add examples, errors and security to one operation."""
    operation["security"] = [{"key": [entry.scope]}] if entry.scope else []
    if entry.sends is not None:
        operation["requestBody"]["content"][JSON]["example"] = entry.sends
    good = operation["responses"]["200"]
    good |= {"description": "The answer.", "headers": _headers()}
    if entry.media != JSON:
        good["content"] = {entry.media.partition(";")[0]: {"schema": _TEXT}}
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


def _header(kind: str, text: str) -> dict[str, Any]:
    return {"description": text, "schema": {"type": kind}}


def _error(status: int) -> dict[str, Any]:
    """Describe a response with an error."""
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
