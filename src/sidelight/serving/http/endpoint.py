"""`Operation`: one entry of the API. FastAPI describes it; what runs is a short way of our own.

FastAPI reads bodies with a parser that takes NaN and repeated keys, and builds and checks each answer
twice. Here a body is parsed and checked once, in the thread that answers, and the answer is written once.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from sidelight.serving.domain import Key
from sidelight.serving.http.access_control import Headers
from sidelight.serving.http.body_buffers import BodyBuffers
from sidelight.serving.http.chunked_json import compact, piecewise
from sidelight.serving.http.executors import BoundedExecutor
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.problems import Problem
from sidelight.serving.http.strict_json import checked, checked_query

CALL: Final = "sidelight.call"  # where a call lies in the scope
Where = Literal["answer", "items", "slow", "back", "side", "here"]
"""Threads that an operation runs in; "here" is the event loop, for what waits for nothing."""
SIDE: Final = 128.0  # work on the side, keys among it, that one caller may have
MOMENT: Final = 2.0  # seconds in which work that is to stop does
LIGHT: Final = 25.0  # cost up to which a request is answered among the short ones, see `turns.cost`


class RequestState(Request):
    """One request on its way, with what is known of it so far.

    Attributes:
        operation: What it is for; None for pages and for paths that are not there.
        request_id: Names it in the answer, its header and the log.
        started, until: `time.monotonic()` of its arrival, and when it is given up.
        sent: Headers that decide something.
        key: Who asks; None where no key is needed.
        version: Of the model that answered; "" where none did.
        held: Bytes of its body in memory.
        status: That was sent, 0 before.
        worth: Requests that it counts as; at least 1.
    """

    def __init__(self, scope: Scope, receive: Receive, request_id: str, started: float) -> None:
        super().__init__(scope, receive)
        scope[CALL] = self
        self.operation: Endpoint | None = None
        self.request_id, self.started, self.until = request_id, started, started
        self.sent: Headers = {}
        self.key: Key | None = None
        self.version = ""
        self.held, self.status, self.worth = 0, 0, 1.0

    @property
    def caller(self) -> int | None:
        """Whose limits count; None where no key is needed."""
        return self.key.id if self.key else None


class WorkerPools:
    """What operations share: threads and buffers.

    Args:
        options: Limits.
    """

    def __init__(self, options: HttpOptions) -> None:
        self.options = options
        light = BoundedExecutor("answer", options.concurrency, options.queue, options.each)
        width = max(1, options.concurrency // 2)
        self.gates = {
            "answer": light,
            # What costs much: batches, reasons, pages. The cost that a caller may have here is bounded.
            "heavy": BoundedExecutor("heavy", width, options.queue, options.most_cost, first=light),
            "items": BoundedExecutor(
                "items", 4, 32
            ),  # they may wait for long, and nobody else is to wait behind them
            "slow": BoundedExecutor("slow", 2, 16),
            "back": BoundedExecutor("back", 1, 4),  # a rollback never waits behind the loading of versions
            "side": BoundedExecutor("side", 4, 256, SIDE),
        }
        self.buffers = BodyBuffers(max(64 * options.most_body, 4 * options.most_items_body))

    def seconds(self, lane: str) -> float:
        """Time that a request has in a lane."""
        return self.options.patience if lane in ("slow", "items", "back") else self.options.deadline

    @property
    def busy(self) -> bool:
        """Whether a thread still works."""
        return any(gate.held for gate in self.gates.values())

    def open(self) -> None:
        """Take work."""
        for gate in self.gates.values():
            gate.open()

    async def end(self) -> None:
        """Take no more work, and give what runs a moment to stop at its next checkpoint."""
        for gate in self.gates.values():
            gate.close()
        until = time.monotonic() + MOMENT
        while self.busy and time.monotonic() < until:
            await asyncio.sleep(0.02)


class Endpoint(APIRoute):
    """A path, a method and the function that answers.

    Args:
        room: Shared by all operations.
        path: Without parameters: what names a person or an item is never part of an address.
        endpoint: Takes the call and, where it has them, `body` and `query`; gives what is written as
            JSON, or bytes. A coroutine function runs on the event loop.
        scope: What a key must be good for; "" is open.
        where: Which threads.
        most: Bytes of the body.
        media: Content type of the answer.
        price: Estimates what a body costs; refuses what costs too much. Without, all requests are light.
        **described: For `APIRoute`: what OpenAPI says.
    """

    def __init__(
        self,
        room: WorkerPools,
        path: str,
        endpoint: Callable[..., Any],
        scope: str,
        where: Where = "answer",
        most: int = 0,
        media: str = "application/json",
        price: Callable[[BaseModel], float] | None = None,
        **described: Any,
    ) -> None:
        super().__init__(path, endpoint, **described)
        types = inspect.signature(endpoint, eval_str=True).parameters
        self.body = _model(types["body"].annotation) if "body" in types else None
        self.query = _model(types["query"].annotation) if "query" in types else None
        self.scope, self.most, self.media, self._room = scope, most, media.encode(), room
        self._gate, self._price = room.gates.get(where), price
        self.seconds = room.seconds(where)
        self.app = self._respond

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: RequestState = scope[CALL]
        content = await self._content(call, receive)
        headers = [(b"content-type", self.media), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _content(self, call: RequestState, receive: Receive) -> bytes:
        body, caller = b"", call.caller
        if self.body is not None:
            announced = _announced(call.sent)
            body = await self._room.buffers.read(receive, announced, self.most, call.until, caller)
            call.held = len(body)
        if self._gate is None:
            made = self.endpoint(call)
            return compact(await made if isinstance(made, Awaitable) else made)
        found = await self._gate.run(lambda: self._light(call, body), call.until, caller)
        if isinstance(found, bytes):
            return found
        charge, work = found
        heavy = self._room.gates["heavy"]
        return await heavy.run(work, call.until, caller, charge, receive)

    def _light(self, call: RequestState, body: bytes) -> bytes | tuple[float, Callable[[], bytes]]:
        """The answer; or what it costs and the work that is left, where that is much."""
        given = self._given(call, body)
        price = max(map(self._price, given.values()), default=0.0) if self._price else 0.0
        call.worth = max(call.worth, price / LIGHT)

        if price <= LIGHT:
            return compact(self.endpoint(call, **given))
        return price, lambda: piecewise(self.endpoint(call, **given))

    def _given(self, call: RequestState, body: bytes) -> dict[str, BaseModel]:
        given: dict[str, BaseModel] = {}
        if self.query is not None:
            given["query"] = checked_query(call.scope["query_string"], self.query)
        if self.body is not None:
            given["body"] = checked(body, self.body)
        return given


def _model(annotation: Any) -> type[BaseModel]:
    """The model of a parameter, `Annotated` or not."""
    found: type[BaseModel] = getattr(annotation, "__origin__", annotation)
    return found


def _announced(headers: Headers) -> int | None:
    """The length of the body as announced.

    Raises:
        Problem: 400 no number; 415 a body that is no plain JSON.
    """
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding != b"identity":
        raise Problem(415, "expected a body as it is; found a compressed one; send it without", headers=PLAIN)
    media, _, rest = headers.get(b"content-type", b"").partition(b";")
    if media.strip().lower() != b"application/json":
        raise Problem(415, "expected the header Content-Type: application/json", headers=JSON)
    charset = rest.strip().lower().replace(b'"', b"").replace(b" ", b"")
    if charset not in (b"", b"charset=utf-8"):
        raise Problem(415, "expected UTF-8; found another charset in Content-Type", headers=JSON)
    length = headers.get(b"content-length")
    if length is None:
        return None
    if not length.isdigit() or len(length) > 18:
        raise Problem(400, "expected a whole number in the header Content-Length")
    return int(length)


PLAIN: Final = {"Accept-Encoding": "identity"}
JSON: Final = {"Accept-Post": "application/json"}
