"""Table of the API: path, method, name, scope, errors and examples; and the OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from sidelight.serving.http import problems
from sidelight.serving.http.endpoint import Lane
from sidelight.serving.http.prometheus_metrics import CONTENT_TYPE

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
_REQUEST_ID: Final = "6f1c0d3a9be84f3d8e0c5b7a1d2e4f60"


@cache
def examples() -> dict[str, dict[str, Any]]:
    """Read the examples of bodies and responses, by operation."""
    text = (resources.files("sidelight.serving.http") / "examples.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


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
    errors: tuple[int, ...] = ()
    lane: Lane = "answer"
    query: bool = False
    media: str = JSON

    @property
    def sends(self) -> Any:
        """Example of the body; None without a body."""
        return examples().get(self.name, {}).get("body")

    @property
    def example(self) -> Any:
        """Example of the response; None without one."""
        return examples().get(self.name, {}).get("response")

    @property
    def statuses(self) -> list[int]:
        """Statuses of the errors that it may return."""
        found = {421, 503, 500, *self.errors, *((401, 403, 429) if self.scope else ())}
        found |= {400, 408, 413, 415, 422} if self.sends is not None else {400, 422} if self.query else {400}
        return sorted(found)


ENTRIES: Final = (
    ApiEntry("POST", "/v1/recommend", "recommend", "Recommend items", "lists", "read"),
    ApiEntry("POST", "/v1/recommend/batch", "recommend_batch", "Recommend to several people", "lists",
              "read"),
    ApiEntry("POST", "/v1/similar", "similar", "Similar items", "lists", "read", (404,)),
    ApiEntry("POST", "/v1/explain", "explain", "Why an item", "lists", "read", (404,)),
    ApiEntry("POST", "/v1/audience", "audience", "People for an item", "lists", "admin", (404,)),
    ApiEntry("GET", "/v1/items", "search_items", "Search the catalogue", "catalogue", "read", query=True),
    ApiEntry("POST", "/v1/items/get", "get_items", "Items by id", "catalogue", "read"),
    ApiEntry("PUT", "/v1/items", "put_items", "Add or replace items", "catalogue", "admin",
              lane="items", query=True),
    ApiEntry("PUT", "/v1/items/retired", "retire_items", "Retire items, or undo it", "catalogue", "admin"),
    ApiEntry("GET", "/v1/items/retired", "list_retired", "Retired items", "catalogue", "admin", lane="side"),
    ApiEntry("POST", "/v1/events", "add_events", "Store events", "people", "events"),
    ApiEntry("PUT", "/v1/consent", "set_consent", "Give or withdraw consent", "people", "admin"),
    ApiEntry("POST", "/v1/forget", "forget", "Forget somebody", "people", "admin"),
    ApiEntry("GET", "/v1/versions", "list_versions", "Versions of the store", "versions", "admin",
              (409, 422), lane="side"),
    ApiEntry("POST", "/v1/versions/promote", "promote", "Let a version serve", "versions", "admin",
              (404, 409), lane="slow"),
    ApiEntry("POST", "/v1/versions/rollback", "rollback", "Let the previous version serve", "versions",
              "admin", (409, 422), lane="back"),
    ApiEntry("GET", "/v1/status", "status", "Status", "health", "read", lane="side"),
    ApiEntry("GET", "/healthz", "alive", "Is it alive", "health", "", lane="here"),
    ApiEntry("GET", "/readyz", "ready", "Is it ready", "health", "", lane="here"),
    ApiEntry("GET", "/metrics", "metrics", "Metrics", "health", "metrics", lane="side",
              media=CONTENT_TYPE),
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
        for field in fields.values():
            _plain_tuples(field)
        if "item_id" in fields:
            fields["item_id"]["type"] = "string"  # also where a dataclass takes ids of any type


def _plain_tuples(schema: dict[str, Any]) -> None:
    """Write tuples as arrays of their types: many readers of OpenAPI do not know `prefixItems`."""
    if "prefixItems" in schema:
        kinds = dict.fromkeys(part["type"] for part in schema.pop("prefixItems") if part)
        schema["items"] = {"anyOf": [{"type": kind} for kind in kinds]}
    elif "items" in schema:
        _plain_tuples(schema["items"])


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
