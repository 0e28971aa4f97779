"""Endpoints of the API: FastAPI generates the OpenAPI schema, a handler of our own runs.

FastAPI's parser accepts NaN and repeated keys, and it builds and validates each response twice. Here a body
is parsed and validated once, in the thread that computes the response, and the response is written once.
FastAPI's own wrapper around a handler costs 6 to 12 % of a request, see docs/design.md, so it is left out.
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
from sidelight.serving.http.strict_json import parse_body, parse_query

STATE: Final = "sidelight.request"  # key of the request state in the ASGI scope
Lane = Literal["answer", "items", "slow", "back", "side", "here"]
"""Executor of an endpoint; "here" is the event loop, for handlers that never block."""
SIDE: Final = 128.0  # weight of side work, look-ups of keys among it, per caller
STOP_SECONDS: Final = 2.0  # seconds that running work gets to reach its next checkpoint
LIGHT: Final = 25.0  # cost up to which a request runs among the short ones, see `fair_turns.cost`
PLAIN: Final = {"Accept-Encoding": "identity"}
JSON: Final = {"Accept-Post": "application/json"}


class RequestState(Request):
    """State of one request.

    Attributes:
        endpoint: Endpoint of the request; None for pages and unknown paths.
        request_id: Id of the request in the response, its header and the log.
        started: `time.monotonic()` of its arrival.
        until: `time.monotonic()` at which it is given up.
        deciding: Headers that decisions are based on, see `deciding_headers`.
        key: API key of the caller; None where no key is needed.
        version: Version of the model that computed the response; "" without one.
        held: Bytes of its body in memory.
        status: Status that was sent, 0 before.
        tokens: Number of requests that it counts as in the rate limit; at least 1.
    """

    def __init__(self, scope: Scope, receive: Receive, request_id: str, started: float) -> None:
        super().__init__(scope, receive)
        scope[STATE] = self
        self.endpoint: Endpoint | None = None
        self.request_id, self.started, self.until = request_id, started, started
        self.deciding: Headers = {}
        self.key: Key | None = None
        self.version = ""
        self.held, self.status, self.tokens = 0, 0, 1.0

    @property
    def caller(self) -> int | None:
        """Id of the key whose limits count; None where no key is needed."""
        return self.key.id if self.key else None


class WorkerPools:
    """Executors and body buffers that all endpoints share.

    Args:
        options: Limits.
    """

    def __init__(self, options: HttpOptions) -> None:
        self.options = options
        light = BoundedExecutor("answer", options.concurrency, options.queue, options.each)
        width = max(1, options.concurrency // 2)
        self.executors = {
            "answer": light,
            # Batches, explanations and pages. The cost of a caller's running work is bounded.
            "heavy": BoundedExecutor("heavy", width, options.queue, options.most_cost, first=light),
            "items": BoundedExecutor("items", 4, 32),  # may wait for long; blocks no other work
            "slow": BoundedExecutor("slow", 2, 16),
            "back": BoundedExecutor("back", 1, 4),  # a rollback never waits behind the loading of versions
            "side": BoundedExecutor("side", 4, 256, SIDE),
        }
        self.buffers = BodyBuffers(max(64 * options.most_body, 4 * options.most_items_body))

    def seconds(self, lane: str) -> float:
        """Return the time limit of a lane."""
        return self.options.patience if lane in ("slow", "items", "back") else self.options.deadline

    @property
    def busy(self) -> bool:
        """True while a thread is working."""
        return any(executor.held for executor in self.executors.values())

    def open(self) -> None:
        """Accept work."""
        for executor in self.executors.values():
            executor.open()

    async def close(self) -> None:
        """Refuse new work, and give running work some time to stop at its next checkpoint."""
        for executor in self.executors.values():
            executor.close()
        until = time.monotonic() + STOP_SECONDS
        while self.busy and time.monotonic() < until:
            await asyncio.sleep(0.02)


class Endpoint(APIRoute):
    """Path, method and handler of one operation.

    Args:
        pools: Executors and buffers shared by all endpoints.
        path: Path without parameters: ids of users and items are never part of an address.
        handler: Function of the request state and, where it has them, `body` and `query`; returns a value
            to write as JSON, or bytes. A coroutine function runs on the event loop.
        scope: Scope that a key needs; "" is open.
        lane: Executor that runs the handler.
        most: Bytes of the body.
        media: Content type of the response.
        cost: Function that estimates the cost of a body and refuses what costs too much. Without it, all
            requests are light.
        **described: Arguments of `APIRoute` for the OpenAPI schema.
    """

    def __init__(
        self,
        pools: WorkerPools,
        path: str,
        handler: Callable[..., Any],
        scope: str,
        lane: Lane = "answer",
        most: int = 0,
        media: str = "application/json",
        cost: Callable[[BaseModel], float] | None = None,
        **described: Any,
    ) -> None:
        super().__init__(path, handler, **described)
        types = inspect.signature(handler, eval_str=True).parameters
        self.body = _model(types["body"].annotation) if "body" in types else None
        self.query = _model(types["query"].annotation) if "query" in types else None
        self.scope, self.most, self.media, self._pools = scope, most, media.encode(), pools
        self._executor, self._cost = pools.executors.get(lane), cost
        self.seconds = pools.seconds(lane)
        self.app = self._respond

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        content = await self._content(scope[STATE], receive)
        headers = [(b"content-type", self.media), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _content(self, state: RequestState, receive: Receive) -> bytes:
        body, caller = b"", state.caller
        if self.body is not None:
            length = _content_length(state.deciding)
            body = await self._pools.buffers.read(receive, length, self.most, state.until, caller)
            state.held = len(body)
        if self._executor is None:
            value = self.endpoint(state)
            return compact(await value if isinstance(value, Awaitable) else value)
        result = await self._executor.run(lambda: self._run_light(state, body), state.until, caller)
        if isinstance(result, bytes):
            return result
        cost, work = result
        return await self._pools.executors["heavy"].run(work, state.until, caller, cost, receive)

    def _run_light(self, state: RequestState, body: bytes) -> bytes | tuple[float, Callable[[], bytes]]:
        """Return the content of a light response; for a heavy one, its cost and the remaining work."""
        given: dict[str, BaseModel] = {}
        if self.query is not None:
            given["query"] = parse_query(state.scope["query_string"], self.query)
        if self.body is not None:
            given["body"] = parse_body(body, self.body)
        cost = max(map(self._cost, given.values()), default=0.0) if self._cost else 0.0
        state.tokens = max(state.tokens, cost / LIGHT)
        if cost <= LIGHT:
            return compact(self.endpoint(state, **given))
        return cost, lambda: piecewise(self.endpoint(state, **given))


def _model(annotation: Any) -> type[BaseModel]:
    """Return the model of a parameter, `Annotated` or not."""
    model: type[BaseModel] = getattr(annotation, "__origin__", annotation)
    return model


def _content_length(headers: Headers) -> int | None:
    """Return the announced length of a JSON body.

    Raises:
        Problem: 400 where the length is no number; 415 where the body is not plain JSON.
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
