"""What the client sends: requests and events as plain values, and those as JSON."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sidelight.errors import SpecError, complain
from sidelight.option_types import Count, check_call, require
from sidelight.serving.domain import Event, Kind

if TYPE_CHECKING:
    from sidelight.serving.rerank.rules import Rules

Ids = Sequence[str]


def event(user: str, item: str, kind: Kind, at: datetime | None = None) -> Event:
    """Something that somebody did, with an event id: sent twice, it counts once.

    Make it where it happens, and keep it until `Client.send_events` has returned.

    Args:
        user, item: Outside ids.
        kind: "view", "click", "purchase" or "dismissal".
        at: When, with a time zone; None is now.

    Raises:
        DataError: A value is not what it should be.
    """
    return Event(user, item, kind, at or datetime.now(UTC), uuid.uuid4().hex)


def ask(
    user: str | None = None,
    history: Ids | None = None,
    k: Count = 10,
    context: Mapping[str, Any] | None = None,
    candidates: Ids | None = None,
    rules: Rules | Mapping[str, Any] | None = None,
    explain: bool = False,
    explore: bool = True,
    filter_seen: bool = True,
) -> dict[str, Any]:
    """A request for one list.

    Args:
        user, history: A user id, or item ids, oldest first; one of the two.
        k: Length of the list.
        context: What is known of the moment, by column, e.g. {"hour": 7}.
        candidates: Items that may be shown; None means all, [] none.
        rules: Business rules over the list: `Rules`, or their JSON form.
        explain: Say for each item why it is there.
        explore: Exploration, where the service does it, may take slots.
        filter_seen: Leave out what is in the history.

    Raises:
        SpecError: Neither or both of user and history, or one text instead of a list of ids.
    """
    flags = {"explain": explain, "explore": explore, "filter_seen": filter_seen}
    check_call(ask, {"user": user, "k": k, "context": context, **flags})
    body = {**person(user, history), "k": k, "context": dict(context or {})}
    if candidates is not None:
        body["candidates"] = ids(candidates, "candidates")
    if rules is not None:
        body["rules"] = dict(rules) if isinstance(rules, Mapping) else rules.to_dict()
    return {**body, **flags}


def person(user: str | None, history: Ids | None) -> dict[str, Any]:
    """Who it is about, as the API says it.

    Raises:
        SpecError: Neither or both of user and history.
    """
    if user is not None and history is None:
        return {"user": user}
    if history is not None and user is None:
        return {"history": ids(history, "history")}
    found = "neither" if user is None else "both"
    raise SpecError(complain("a user or a history", found, "the request"))


def ids(given: Ids, what: str) -> list[str]:
    """A list of ids; one text would be taken for its letters.

    Raises:
        SpecError: It is one text, a table or another kind, or holds something that is no text.
    """
    one = isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable)
    if one or hasattr(given, "columns"):
        found = "one text" if isinstance(given, str) else f"a {type(given).__name__}"
        raise SpecError(complain(f"{what} as a list of ids", found, "the request", 'write ["i1"]'))
    found_ids: list[str] = require(list(given), list[str], what, f"{what} of the request")
    return found_ids


def named(given: Event) -> Event:
    """The event with an event id, its own or a new one."""
    return given if given.event_id is not None else replace(given, event_id=uuid.uuid4().hex)


def event_body(given: Event) -> dict[str, Any]:
    """An event as the API says it."""
    return {
        "user": given.user_id,
        "item": given.item_id,
        "kind": given.kind,
        "at": given.at.isoformat(),
        "event_id": given.event_id,
    }


def encoded(body: Mapping[str, Any]) -> bytes:
    """JSON; bytes as base64, times as ISO 8601, arrays and numbers of numpy as plain ones.

    Raises:
        SpecError: A value cannot be said in JSON.
    """
    try:
        return json.dumps(body, default=_plain, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        fix = "write None for what is missing"
        raise SpecError(complain("values that JSON can say", str(error), "the request", fix)) from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__}")
