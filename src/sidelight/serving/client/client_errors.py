"""Exceptions of the client, and the decision whether and when a request is sent again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

FIRST_PAUSE: Final = 0.2  # seconds; doubled after each further try
LONGEST_PAUSE: Final = 30.0  # a service that demands a longer pause is an error at once


@dataclass(frozen=True)
class Mistake:
    """One mistake of a request: its place (a JSON pointer, "" is the whole body) and a description."""

    pointer: str
    detail: str


class ServiceError(Exception):
    """Refusal or failure of the service, or no connection to it.

    Args:
        detail: Description and remedy, in one line.
        status: HTTP status, or None without a response.
        request_id: Id of the request in the log of the service, "" where none is known.
        kind: Type of the problem, which tells problems of one status apart, e.g.
            "urn:sidelight:problem:unknown-item".
        mistakes: Single mistakes of the request.
        retry_after: Seconds after which the service asked for the next try.
    """

    def __init__(
        self,
        detail: str,
        status: int | None = None,
        request_id: str = "",
        kind: str = "",
        mistakes: tuple[Mistake, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        named = f" (request {request_id})" if request_id else ""
        super().__init__(f"{detail if status is None else f'{status}: {detail}'}{named}")
        self.detail, self.status, self.request_id = detail, status, request_id
        self.kind, self.mistakes, self.retry_after = kind, mistakes, retry_after


class UnreachableError(ServiceError):
    """Missing response: no connection, or none within the timeout."""


class KeyRefusedError(ServiceError):
    """Status 401 (no key, or an invalid one) or 403 (the key lacks the scope)."""


class NotFoundError(ServiceError):
    """Status 404: the item, the version or the path does not exist."""


class ConflictError(ServiceError):
    """Status 409: the version cannot serve."""


class InvalidRequestError(ServiceError):
    """Status 400, 413, 415, 422 and the like: the same request will never succeed."""


class BusyError(ServiceError):
    """Status 429 or 503: the service is busy; `retry_after` has the pause, if the service named one."""


_KINDS: Final[dict[int, type[ServiceError]]] = {
    401: KeyRefusedError,
    403: KeyRefusedError,
    404: NotFoundError,
    409: ConflictError,
    429: BusyError,
    503: BusyError,
}


def error_of(status: int, problem: Mapping[str, Any], retry_after: float | None) -> ServiceError:
    """Return the exception for an error response.

    Args:
        status: HTTP status.
        problem: Problem document, or {} for a response without one, e.g. of a proxy.
        retry_after: Seconds of the Retry-After header, if there is one.
    """
    kind = _KINDS.get(status, InvalidRequestError if 400 <= status < 500 else ServiceError)
    errors = problem.get("errors")
    mistakes = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    return kind(
        str(problem.get("detail") or problem.get("title") or "a response without an explanation"),
        status,
        str(problem.get("request_id") or ""),
        str(problem.get("type") or ""),
        tuple(Mistake(str(each.get("pointer", "")), str(each.get("detail", ""))) for each in mistakes),
        retry_after,
    )


def pause_after(error: ServiceError, tries: int) -> float | None:
    """Return the seconds to wait before the next try; None where another try is pointless.

    Args:
        error: Error of the last try.
        tries: Number of tries before the last one.
    """
    if not isinstance(error, BusyError | UnreachableError):
        return None
    # Random, so that clients that failed together do not return together.
    pause = FIRST_PAUSE * 2.0**tries * random.uniform(0.5, 1.0)
    if error.retry_after is not None:
        pause = max(pause, error.retry_after)
    elif error.kind:  # a problem of the service itself without Retry-After is permanent
        return None
    return pause if pause <= LONGEST_PAUSE else None


def seconds_of(header: str) -> float | None:
    """Convert a Retry-After header, in seconds or as a date, to seconds from now; None if unreadable."""
    if header.strip().isdecimal():
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
