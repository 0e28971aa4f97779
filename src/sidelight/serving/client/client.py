"""`Client`: asks a running service, with typed answers, typed errors, and retries that do nothing twice."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Final, TypeVar

from sidelight.errors import SpecError, complain, missing_extra
from sidelight.option_types import Count, Natural, NonNegative, Positive, check_call
from sidelight.serving.client.client_errors import (
    ServiceError,
    UnreachableError,
    error_of,
    pause_after,
    seconds_of,
)
from sidelight.serving.client.client_requests import Ids, ask, encoded, event, event_body, ids, named, person
from sidelight.serving.client.client_responses import (
    Audience,
    EventsReceipt,
    Explanation,
    Item,
    ItemsReceipt,
    RankedItem,
    Retired,
    ShownItems,
    Status,
    Version,
    read,
)
from sidelight.serving.domain import Event
from sidelight.serving.recommend.responses import RecommendResponse

try:
    import httpx
except ImportError as error:
    raise missing_extra("httpx", "client", "asking a service") from error

__all__ = ["Client", "ServiceError", "UnreachableError", "ask", "event"]

T = TypeVar("T")
Row = Mapping[str, Any]

LOADING: Final = 120.0  # seconds that checking and loading a version may take


class Client:
    """A connection to a service. Safe to share between threads; close it, or use it in a `with`.

    Where the service is busy (429, 503) or cannot be reached, a call is made again after a pause: the
    one that the service asks for, else 0.2 s, 0.4 s, ... Not so `rollback`, which would go back twice,
    and calls that ran out of time. Whatever goes wrong is a `ServiceError`.

    Args:
        url: Of the service, e.g. "https://shop.example/recommendations".
        key: API key ("sl_..."); None where the service asks for none.
        timeout: Seconds for each try.
        retries: Further tries, >= 0.
        transport: How httpx sends; None is the network.

    Raises:
        SpecError: The address, the key or a number is none.
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def recommend(
        self, user: str | None = None, history: Ids | None = None, **options: Any
    ) -> RecommendResponse:
        """One list, for a stored user or for somebody whose history is sent along.

        Args:
            user, history: A user id, or item ids, oldest first; one of the two.
            **options: k, context, candidates, rules, explain, explore, filter_seen: as in `ask`.
        """
        return self._call(RecommendResponse, "POST", "/v1/recommend", ask(user, history, **options))

    def recommend_many(self, requests: Iterable[Mapping[str, Any]]) -> tuple[RecommendResponse, ...]:
        """Lists for several requests, each made with `ask`, in their order; quicker than one by one."""
        body = {"requests": list(requests)}
        return self._call(tuple[RecommendResponse, ...], "POST", "/v1/recommend/batch", body, part="answers")

    def similar(self, item: str, k: Count = 10) -> tuple[RankedItem, ...]:
        """The k items most like one, best first."""
        check_call(Client.similar, locals())
        return self._call(tuple[RankedItem, ...], "POST", "/v1/similar", {"item": item, "k": k}, part="items")

    def explain(
        self, item: str, user: str | None = None, history: Ids | None = None, k: Count = 3
    ) -> Explanation:
        """Divide the score of an item for a user into signed shares; at most k history items are named."""
        check_call(Client.explain, {"item": item, "user": user, "k": k})
        return self._call(Explanation, "POST", "/v1/explain", {**person(user, history), "item": item, "k": k})

    def audience(self, item: str | None = None, row: Row | None = None, k: Count = 10) -> Audience:
        """Who would get an item of the catalogue, or one that is only described and not stored."""
        check_call(Client.audience, locals())
        given = {"item": item, "row": None if row is None else dict(row)}
        body = {name: value for name, value in given.items() if value is not None}
        return self._call(Audience, "POST", "/v1/audience", {**body, "k": k})

    def items(self, items: Ids) -> ShownItems:
        """Items of the catalogue by their ids."""
        return self._call(ShownItems, "POST", "/v1/items/get", {"items": ids(items, "items")})

    def search(self, text: str = "", k: Count = 20) -> tuple[Item, ...]:
        """At most k items with these words in the title, or whose id begins so."""
        check_call(Client.search, locals())
        query = {"q": text, "k": k}
        return self._call(tuple[Item, ...], "GET", "/v1/items", query=query, part="items")

    def put_items(self, rows: Iterable[Row], wait: NonNegative = 0.0) -> ItemsReceipt:
        """Add items, or replace the rows of items that are there.

        Args:
            rows: One dict an item: `item_id` and item columns; bytes (images) are sent as base64.
            wait: Seconds to wait until lists may hold them, 0..30.
        """
        check_call(Client.put_items, locals())
        body, seconds = {"items": [dict(row) for row in rows]}, self.timeout + wait
        return self._call(ItemsReceipt, "PUT", "/v1/items", body, {"wait": wait}, seconds=seconds)

    def send_events(self, events: Iterable[Event]) -> EventsReceipt:
        """Store what people did: all of it is on the disk when this returns, or none.

        An event without an id gets one for the tries of this call. To be able to send the same
        events again after a failure, make them with `event`, which gives the id.
        """
        body = {"events": [event_body(named(each)) for each in events]}
        return self._call(EventsReceipt, "POST", "/v1/events", body)

    def retire(self, items: Ids) -> Retired:
        """Keep items out of all lists until `restore`."""
        return self._retire(items, True)

    def restore(self, items: Ids) -> Retired:
        """Let retired items into lists again."""
        return self._retire(items, False)

    def retired(self) -> tuple[str, ...]:
        """Ids of the retired items."""
        return self._call(tuple[str, ...], "GET", "/v1/items/retired", part="items")

    def _retire(self, items: Ids, retired: bool) -> Retired:
        return self._call(
            Retired, "PUT", "/v1/items/retired", {"items": ids(items, "items"), "retired": retired}
        )

    def set_consent(self, user: str, given: bool) -> bool:
        """Write down whether what somebody does may be used; gives back what is written down now."""
        check_call(Client.set_consent, locals())
        return self._call(bool, "PUT", "/v1/consent", {"user": user, "given": given}, part="given")

    def forget(self, user: str) -> int:
        """Delete what is stored of somebody; how many rows the last try deleted."""
        check_call(Client.forget, locals())
        return self._call(int, "POST", "/v1/forget", {"user": user}, part="deleted")

    def versions(self) -> tuple[Version, ...]:
        """The versions of the store, newest first."""
        return self._call(tuple[Version, ...], "GET", "/v1/versions", part="versions")

    def promote(self, name: str) -> Version:
        """Let a version serve, after its checks."""
        check_call(Client.promote, locals())
        seconds = LOADING + self.timeout
        return self._call(Version, "POST", "/v1/versions/promote", {"name": name}, seconds=seconds)

    def rollback(self) -> Version:
        """Let the version serve that served before. Never sent twice: after a failure see `versions`."""
        seconds = LOADING + self.timeout
        return self._call(Version, "POST", "/v1/versions/rollback", seconds=seconds, retries=0)

    def status(self) -> Status:
        """How the service is doing."""
        return self._call(Status, "GET", "/v1/status")

    def ready(self) -> bool:
        """Whether it may take traffic now; False too while it cannot be reached. Asked once."""
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
        """An answer as its type; `part` is the key that it stands under."""
        given = self._send(method, path, body, query, seconds or self.timeout, retries)
        try:
            found = given.json()
            return read(kind, found if part is None else found[part])
        except (ValueError, KeyError, TypeError) as error:
            fix = "see that the address is one of Sidelight, and that client and service are of one version"
            said = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else str(error)
            raise ServiceError(
                complain("an answer of this API", said, path, fix), given.status_code
            ) from None

    def _send(
        self, method: str, path: str, body: Row | None, query: Row | None, seconds: float, retries: int | None
    ) -> httpx.Response:
        """The answer, if it is none of an error. What may be sent again ends the same when it is."""
        content = None if body is None else encoded(body)
        headers = None if body is None else {"Content-Type": "application/json"}
        last = self.retries if retries is None else retries
        for at in range(last + 1):
            try:
                given = self._http.request(
                    method, path, content=content, params=query, headers=headers, timeout=seconds
                )
                if given.is_success:
                    return given
                found = _refusal(given)
            except httpx.TimeoutException:
                detail = complain("an answer in time", f"none after {seconds:g} s", self.url)
                raise UnreachableError(detail) from None
            except httpx.HTTPError as error:
                said = " ".join(str(error).split()) or type(error).__name__
                found = UnreachableError(complain("a service that answers", said, self.url))
            pause = pause_after(found, at)
            if at == last or pause is None:
                raise found
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")


def _refusal(given: httpx.Response) -> ServiceError:
    """The exception for an answer that is an error; only of a problem document the text is used."""
    problem: Any = {}
    if given.headers.get("Content-Type", "").partition(";")[0].strip() == "application/problem+json":
        try:
            problem = given.json()
        except ValueError:
            problem = {}
    after = seconds_of(given.headers.get("Retry-After", ""))
    return error_of(given.status_code, problem if isinstance(problem, dict) else {}, after)
