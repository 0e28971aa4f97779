"""Errors as problem documents, RFC 9457 `application/problem+json`, without any value of the request.

Error bodies end in logs of others. So they tell the place of a mistake and the expectation, and never repeat
an id, a text or a key of the request.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from sidelight.errors import (
    BundleError,
    DataError,
    MissingExtraError,
    SidelightError,
    SpecError,
    UnknownIdError,
    did_you_mean,
)
from sidelight.serving.domain import DatabaseError

MEDIA: Final = "application/problem+json"
SHOWN: Final = 20  # mistakes that one response names
# status -> name at the end of `type`, title
KINDS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("malformed", "The request cannot be read"),
    401: ("unauthorized", "A key is needed"),
    403: ("forbidden", "The key may not do this"),
    404: ("not-found", "Nothing is here"),
    405: ("method-not-allowed", "This path takes other methods"),
    408: ("too-slow", "The body did not arrive in time"),
    409: ("conflict", "The version cannot serve"),
    413: ("too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body is of a type that is not taken"),
    421: ("misdirected", "This service is not for that host"),
    422: ("invalid", "The request is well-formed, but not what this operation takes"),
    429: ("too-many-requests", "This key asks too often"),
    500: ("internal", "The service made a mistake"),
    503: ("unavailable", "The service cannot answer now"),
}
_QUOTED: Final = re.compile(r"""(?<!\w)b?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
_OPEN: Final = re.compile(r"""(?<!\w)["'].*$""")


class Problem(Exception):
    """Response that is an error.

    Args:
        status: HTTP status.
        detail: One line that tells the mistake of this request, and its remedy.
        name: End of `type`, which distinguishes problems of one status; the usual one without.
        headers: More headers of the response.
        errors: Single mistakes: pointer (RFC 6901) and detail.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(status)  # never the detail: an exception may be printed somewhere
        self.status, self.detail, self.errors = status, detail, errors
        usual, self.title = KINDS.get(status, KINDS[500])
        self.name = name or usual
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> bytes:
        """Return the document as JSON."""
        found: dict[str, Any] = {
            "type": f"urn:sidelight:problem:{self.name}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            found["errors"] = list(self.errors)
        return json.dumps(found).encode()


def busy(detail: str, seconds: float = 1.0) -> Problem:
    """Return a 503 with the seconds after which to send the request again."""
    return Problem(503, detail, headers=retry(seconds))


def retry(seconds: float) -> dict[str, str]:
    """Return the header `Retry-After`, in whole seconds from 1."""
    return {"Retry-After": str(max(1, math.ceil(min(seconds, 3600.0))))}


def of_error(error: SidelightError, known: Collection[str] = ()) -> Problem:
    """Convert an error of the engine or of the database to a problem.

    Args:
        error: Error that was raised.
        known: Words that may be repeated: names of columns and options.
    """
    if isinstance(error, UnknownIdError):
        return Problem(404, "no item in the catalogue has this id; see GET /v1/items", "unknown-item")
    detail = quiet(str(error), known)
    if isinstance(error, DatabaseError):
        return Problem(503, detail, "database", headers=retry(1.0) if error.retry else None)
    if isinstance(error, BundleError):
        return Problem(409, detail)
    if isinstance(error, MissingExtraError):
        return Problem(503, detail, "not-installed")
    if isinstance(error, (SpecError, DataError)):
        return Problem(422, detail)
    return Problem(500, "see the log of the service for this request id")


def quiet(message: str, known: Collection[str] = ()) -> str:
    """Remove the quotations of a message of the engine, except words that are public anyway.

    Examples:
        >>> quiet("unknown key 'boots' in rules; did you mean 'boost'?", {"boost"})
        "unknown key '...' in rules; did you mean 'boost'?"
    """

    def kept(found: re.Match[str]) -> str:
        text = found.group()
        return text if text.lstrip("b")[1:-1] in known else "'...'"

    text = " ".join(message.split())
    pieces, at = [], 0
    for found in _QUOTED.finditer(text):
        pieces += [_OPEN.sub("'...'", text[at : found.start()]), kept(found)]
        at = found.end()
    return "".join([*pieces, _OPEN.sub("'...'", text[at:])])


def of_validation(error: ValidationError, names: Collection[str]) -> Problem:
    """Convert a validation error of pydantic to a problem.

    Args:
        error: Validation error of a body or a query.
        names: Names of all valid fields, to suggest the nearest where one is unknown.
    """
    found = error.errors(include_url=False, include_input=False, include_context=False)
    mistakes = [_mistake(each["type"], each["loc"], each["msg"], names) for each in found[:SHOWN]]
    more = f", the first {SHOWN} are listed" if len(found) > SHOWN else ""
    count = f"{len(found)} mistakes{more}" if len(found) > 1 else "1 mistake"
    first = f"{mistakes[0]['detail']} (at {mistakes[0]['pointer'] or 'the top'})"
    return Problem(422, f"{count}: {first}", errors=mistakes)


def _mistake(kind: str, loc: tuple[int | str, ...], message: str, names: Collection[str]) -> dict[str, str]:
    """Return pointer and detail of one mistake; an unknown name is not repeated."""
    steps = [str(step) if isinstance(step, int) or step in names else "*" for step in loc]
    if kind == "extra_forbidden":
        hint = did_you_mean(str(loc[-1])[:80], sorted(names))
        return {"pointer": pointer(steps), "detail": f"this key is not known here; {hint}"}
    if kind == "value_error":
        message = message.removeprefix("Value error, ")
    elif kind == "string_pattern_mismatch":
        message = "it has a character that is not allowed here, such as a control or a direction mark"
    return {"pointer": pointer(steps), "detail": message[:1].lower() + message[1:]}


def pointer(steps: Iterable[str]) -> str:
    """Return a JSON pointer, RFC 6901; "" is the whole body."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
