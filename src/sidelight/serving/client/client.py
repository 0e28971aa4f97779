"""HTTP client of the service: typed responses, typed errors, and retries without side effects."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sidelight.errors import SpecError, complain, missing_extra
from sidelight.json_files import decode
from sidelight.option_types import Count, Natural, NonNegative, Positive, check_call, require
from sidelight.serving.client.client_errors import (
    ServiceError,
    UnreachableError,
    error_of,
    pause_after,
    seconds_of,
)
from sidelight.serving.client.client_json import encode
from sidelight.serving.domain import Event, Kind
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.rules import Rules
from sidelight.serving.responses import (
    Audience,
    EventsReceipt,
    Explanation,
    Item,
    ItemsReceipt,
    RankedItem,
    RecommendResponse,
    Retired,
    ShownItems,
    Status,
    Version,
)

try:
    import httpx
except ImportError as error:
    raise missing_extra("httpx", "client", "the HTTP client") from error

__all__ = ["Client", "RecommendRequest", "ServiceError", "UnreachableError", "event"]

T = TypeVar("T")
Ids = Sequence[str]
Row = Mapping[str, Any]

LOADING: Final = 120.0  # seconds that checking and loading a version may take


def event(user: str, item: str, kind: Kind, at: datetime | None = None) -> Event:
    """Return an event with an event id: sent twice, it counts once.

    Create it where the interaction happens, and keep it until `Client.send_events` has returned.

    Args:
        user: Outside id of the user.
        item: Outside id of the item.
        kind: "view", "click", "purchase" or "dismissal".
        at: Time of the event, with a time zone; None is now.

    Raises:
        DataError: A value is invalid.
    """
    return Event(user, item, kind, at or datetime.now(UTC), uuid.uuid4().hex)


class Client:
    """Connection to a service. Safe to share between threads; close it, or use it in a `with`.

    Where the service is busy (429, 503) or unreachable, a call is repeated after a pause: the one that
    the service asks for, else 0.2 s, 0.4 s, ... Exceptions are `rollback`, which would go back twice, and
    calls that timed out. Every failure is a `ServiceError`.

    Args:
        url: Address of the service, e.g. "https://shop.example/recommendations".
        key: API key ("sl_..."); None where the service requires none.
        timeout: Seconds for each try.
        retries: Further tries, >= 0.
        transport: Transport of httpx; None is the network.

    Raises:
        SpecError: The address, the key or a number is invalid.

    Examples:
        >>> import sidelight as sl
        >>> client = sl.Client("http://127.0.0.1:8000", key="sl_...")  # no request yet
        >>> client.close()
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        timeout: Positive = 5.0,
        retries: Natural = 2,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        check_call(Client.__init__, locals())
        if not url.startswith(("http://", "https://")):
            raise SpecError(complain("an address with http:// or https://", repr(url), "Client"))
        if key is not None and not (key.isascii() and key.isprintable() and key.strip() == key != ""):
            raise SpecError(complain("a key in one line", "other characters", "Client", "strip the line end"))
        self.url, self.timeout, self.retries = url, timeout, retries
        headers = {"Accept": "application/json", "User-Agent": "sidelight-client"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._http = httpx.Client(base_url=url, headers=headers, transport=transport)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def recommend(
        self, user: str | None = None, history: Ids | None = None, **options: Any
    ) -> RecommendResponse:
        """Return one list, for a stored user or for a history that is sent along.

        Args:
            user: User id; or
            history: item ids, oldest first.
            **options: k, context, candidates, rules (`Rules` or their JSON form), explain, explore,
                filter_seen: as in `RecommendRequest`.
        """
        if isinstance(options.get("rules"), Mapping):
            options["rules"] = Rules.from_dict(options["rules"])
        request = RecommendRequest(user, history, **options)  # type: ignore[arg-type]  # lists become tuples
        return self._call(RecommendResponse, "POST", "/v1/recommend", request.to_dict())

    def recommend_many(self, requests: Iterable[RecommendRequest]) -> tuple[RecommendResponse, ...]:
        """Return the lists of several requests, in their order; faster than one by one."""
        body = {"requests": [request.to_dict() for request in requests]}
        return self._call(tuple[RecommendResponse, ...], "POST", "/v1/recommend/batch", body, part="answers")

    def similar(self, item: str, k: Count = 10) -> tuple[RankedItem, ...]:
        """Return the k most similar items, best first."""
        check_call(Client.similar, locals())
        return self._call(tuple[RankedItem, ...], "POST", "/v1/similar", {"item": item, "k": k}, part="items")

    def explain(
        self, item: str, user: str | None = None, *, history: Ids | None = None, k: Count = 3
    ) -> Explanation:
        """Divide the score of an item for a user into signed shares; at most k history items are named."""
        about = RecommendRequest(user, history, k=k)  # type: ignore[arg-type]  # lists become tuples
        check_call(Client.explain, {"item": item})
        return self._call(Explanation, "POST", "/v1/explain", {**about.to_dict(), "item": item})

    def audience(self, item: str | None = None, row: Row | None = None, *, k: Count = 10) -> Audience:
        """Return the audience of an item of the catalogue, or of a row that is not stored."""
        check_call(Client.audience, locals())
        given = {"item": item, "row": None if row is None else dict(row)}
        body = {name: value for name, value in given.items() if value is not None}
        return self._call(Audience, "POST", "/v1/audience", {**body, "k": k})

    def items(self, items: Ids) -> ShownItems:
        """Return items of the catalogue by their ids."""
        return self._call(ShownItems, "POST", "/v1/items/get", {"items": _ids(items)})

    def search(self, text: str = "", k: Count = 20) -> tuple[Item, ...]:
        """Return at most k items with these words in the title, or whose id begins with the text."""
        check_call(Client.search, locals())
        query = {"q": text, "k": k}
        return self._call(tuple[Item, ...], "GET", "/v1/items", query=query, part="items")

    def put_items(self, rows: Iterable[Row], wait: NonNegative = 0.0) -> ItemsReceipt:
        """Add items, or replace the rows of existing items.

        Args:
            rows: One dict per item: `item_id` and item columns; bytes (images) are sent as base64.
            wait: Seconds to wait until the items can be recommended, 0..30.
        """
        check_call(Client.put_items, locals())
        body, seconds = {"items": [dict(row) for row in rows]}, self.timeout + wait
        return self._call(ItemsReceipt, "PUT", "/v1/items", body, {"wait": wait}, seconds=seconds)

    def send_events(self, events: Iterable[Event]) -> EventsReceipt:
        """Store events: all of them are on disk when this returns, or none.

        An event without an id gets one for the tries of this call. To be able to send the same
        events again after a failure, create them with `event`, which assigns the id.
        """
        return self._call(EventsReceipt, "POST", "/v1/events", {"events": [_event(e) for e in events]})

    def retire(self, items: Ids) -> Retired:
        """Keep items out of all lists until `restore`."""
        return self._retire(items, True)

    def restore(self, items: Ids) -> Retired:
        """Admit retired items to lists again."""
        return self._retire(items, False)

    def retired(self) -> tuple[str, ...]:
        """Return the ids of the retired items."""
        return self._call(tuple[str, ...], "GET", "/v1/items/retired", part="items")

    def _retire(self, items: Ids, retired: bool) -> Retired:
        return self._call(Retired, "PUT", "/v1/items/retired", {"items": _ids(items), "retired": retired})

    def set_consent(self, user: str, given: bool) -> bool:
        """Record whether the interactions of a user may be used; return what is recorded now."""
        check_call(Client.set_consent, locals())
        return self._call(bool, "PUT", "/v1/consent", {"user": user, "given": given}, part="given")

    def forget(self, user: str) -> int:
        """Delete the stored data of a user; return the number of rows that the last try deleted."""
        check_call(Client.forget, locals())
        return self._call(int, "POST", "/v1/forget", {"user": user}, part="deleted")

    def versions(self) -> tuple[Version, ...]:
        """Return the versions of the store, newest first."""
        return self._call(tuple[Version, ...], "GET", "/v1/versions", part="versions")

    def promote(self, name: str) -> Version:
        """Let a version serve, after its checks."""
        check_call(Client.promote, locals())
        seconds = LOADING + self.timeout
        return self._call(Version, "POST", "/v1/versions/promote", {"name": name}, seconds=seconds)

    def rollback(self) -> Version:
        """Let the previous version serve again. Never sent twice: after a failure see `versions`."""
        seconds = LOADING + self.timeout
        return self._call(Version, "POST", "/v1/versions/rollback", seconds=seconds, retries=0)

    def status(self) -> Status:
        """Return the status of the service."""
        return self._call(Status, "GET", "/v1/status")

    def ready(self) -> bool:
        """Return whether the service accepts traffic; False too while it is unreachable. Sent once."""
        try:
            self._send("GET", "/readyz", None, None, self.timeout, 0)
        except UnreachableError:
            return False
        except ServiceError as error:
            if error.status != 503:
                raise
            return False
        return True

    def _call(
        self,
        kind: type[T],
        method: str,
        path: str,
        body: Row | None = None,
        query: Row | None = None,
        part: str | None = None,
        seconds: float | None = None,
        retries: int | None = None,
    ) -> T:
        """Send a request and convert the response, or the value under its key `part`, to a type."""
        response = self._send(method, path, body, query, seconds or self.timeout, retries)
        try:
            value = response.json()
            return decode(kind, value if part is None else value[part])
        except (ValueError, KeyError, TypeError) as error:
            fix = "check that the address is one of Sidelight, and that client and service are of one version"
            found = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else str(error)
            raise ServiceError(
                complain("a response of this API", found, path, fix), response.status_code
            ) from None

    def _send(
        self, method: str, path: str, body: Row | None, query: Row | None, seconds: float, retries: int | None
    ) -> httpx.Response:
        """Send a request, again where that is safe, and return its successful response."""
        content = None if body is None else encode(body)
        headers = None if body is None else {"Content-Type": "application/json"}
        last = self.retries if retries is None else retries
        for tries in range(last + 1):
            try:
                response = self._http.request(
                    method, path, content=content, params=query, headers=headers, timeout=seconds
                )
                if response.is_success:
                    return response
                failure = _failure(response)
            except httpx.TimeoutException:
                detail = complain("a response in time", f"none after {seconds:g} s", self.url)
                raise UnreachableError(detail) from None
            except httpx.HTTPError as error:
                text = " ".join(str(error).split()) or type(error).__name__
                failure = UnreachableError(complain("a service that responds", text, self.url))
            pause = pause_after(failure, tries)
            if tries == last or pause is None:
                raise failure
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")


def _ids(items: Ids) -> list[str]:
    ids: list[str] = require(items, list[str], "items", "items of the request")
    return ids


def _event(given: Event) -> Row:
    """Return an event as the API takes it, with its own event id or a new one."""
    named = given if given.event_id is not None else replace(given, event_id=uuid.uuid4().hex)
    return {"user": named.user_id, "item": named.item_id, "kind": named.kind, "at": named.at,
            "event_id": named.event_id}  # fmt: skip


def _failure(response: httpx.Response) -> ServiceError:
    """Return the exception for an error response; only a problem document contributes text."""
    problem: Any = {}
    if response.headers.get("Content-Type", "").partition(";")[0].strip() == "application/problem+json":
        try:
            problem = response.json()
        except ValueError:
            problem = {}
    after = seconds_of(response.headers.get("Retry-After", ""))
    return error_of(response.status_code, problem if isinstance(problem, dict) else {}, after)
