"""What the service says when it does not answer: its problems (RFC 9457) as exceptions."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

FIRST_PAUSE: Final = 0.2  # seconds; twice as long after each further try
LONGEST_PAUSE: Final = 30.0  # a service that asks for more patience is an error at once


@dataclass(frozen=True)
class Mistake:
    """One mistake of a request: where (a JSON pointer, "" is the whole body), and what."""

    pointer: str
    detail: str


class ServiceError(Exception):
    """The service refused, failed, or could not be reached.

    Args:
        detail: What is wrong and what to do, in one line.
        status: Of HTTP, or None where no answer came.
        request_id: Names the request in the log of the service, "" where none is known.
        kind: Tells problems of one status apart, e.g. "urn:sidelight:problem:unknown-item".
        mistakes: Single mistakes of the request.
        retry_after: Seconds after which the service said to ask again.
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
    """No answer: no connection, or none within the time that was given."""


class KeyRefusedError(ServiceError):
    """401: there is no key, or one that does not work. 403: the key may not do this."""


class NotFoundError(ServiceError):
    """404: the item, the version or the path does not exist."""


class ConflictError(ServiceError):
    """409: the version cannot serve."""


class InvalidRequestError(ServiceError):
    """400, 413, 415, 422 and the like: the same request will never be answered."""


class BusyError(ServiceError):
    """429 or 503: not now; `retry_after` says when, if the service knows."""


_KINDS: Final[dict[int, type[ServiceError]]] = {
    401: KeyRefusedError,
    403: KeyRefusedError,
    404: NotFoundError,
    409: ConflictError,
    429: BusyError,
    503: BusyError,
}


def error_of(status: int, problem: Mapping[str, Any], retry_after: float | None) -> ServiceError:
    """The exception for an answer that is an error.

    Args:
        status: Of HTTP.
        problem: The problem document, or {} where the answer is none, as from a proxy.
        retry_after: Seconds, where the answer said so.
    """
    kind = _KINDS.get(status, InvalidRequestError if 400 <= status < 500 else ServiceError)
    listed = problem.get("errors")
    mistakes = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return kind(
        str(problem.get("detail") or problem.get("title") or "an answer without an explanation"),
        status,
        str(problem.get("request_id") or ""),
        str(problem.get("type") or ""),
        tuple(Mistake(str(each.get("pointer", "")), str(each.get("detail", ""))) for each in mistakes),
        retry_after,
    )


def pause_after(error: ServiceError, tries: int) -> float | None:
    """Seconds to wait before the same request is sent again; None where that makes no sense.

    Args:
        error: What went wrong.
        tries: How many tries there were before this one.
    """
    if not isinstance(error, BusyError | UnreachableError):
        return None
    # Clients that failed together are not to come back together.
    pause = FIRST_PAUSE * 2.0**tries * random.uniform(0.5, 1.0)
    if error.retry_after is not None:
        pause = max(pause, error.retry_after)
    elif error.kind:  # the service itself says nothing of later: it would say the same again
        return None
    return pause if pause <= LONGEST_PAUSE else None


def seconds_of(header: str) -> float | None:
    """A Retry-After, in seconds or as a date, as seconds from now; None where there is none to read."""
    if header.strip().isdecimal():
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    moment = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
