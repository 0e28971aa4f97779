"""`Envelope`: around every request. Names it, lets it in or not, answers errors, counts, writes one line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidelight.errors import SidelightError
from sidelight.serving.http.access_control import AccessControl, client_address
from sidelight.serving.http.body_buffers import bounded
from sidelight.serving.http.endpoint import CALL, Endpoint, RequestState, WorkerPools
from sidelight.serving.http.executors import ClientGoneError
from sidelight.serving.http.problems import MEDIA, Problem, busy, of_error
from sidelight.serving.http.request_log import place

if TYPE_CHECKING:
    from sidelight.serving.http.prometheus_metrics import ServiceMetrics

SAFE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
NOWHERE: Final = "(none)"  # the route of paths that are not there
GONE: Final = 499  # in log and metrics: the client did not wait for the answer
STATIC: Final = "/static/{name}"


class RequestMiddleware:
    """ASGI middleware, the only one.

    Args:
        app: What answers.
        room: Threads and buffers, to give back what a request held.
        guard: Who may.
        metrics: What is counted.
        log: A structlog logger.
        table: Operations by path and method.
        pages: Paths of pages.
        version: Of the model that serves, now.
        known: Words that error messages may repeat, now.
    """

    def __init__(
        self,
        app: ASGIApp,
        room: WorkerPools,
        guard: AccessControl,
        metrics: ServiceMetrics,
        log: Any,
        table: Mapping[str, Mapping[str, Endpoint]],
        pages: Collection[str],
        version: Callable[[], str],
        known: Callable[[], Collection[str]],
    ) -> None:
        self._app, self._room, self._guard, self._metrics, self._log = app, room, guard, metrics, log
        self._table, self._pages, self._version, self._known = table, pages, version, known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        call = RequestState(scope, receive, uuid4().hex, time.monotonic())
        trouble: dict[str, Any] = {}
        self._metrics.in_flight.inc()

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                message["headers"] = _sealed(call, message.get("headers", []))
            elif scope["method"] == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._inside(call, scope, receive, out)
        except (ClientGoneError, asyncio.CancelledError) as gone:
            call.status = call.status or GONE
            if not isinstance(gone, ClientGoneError):
                raise
        except Exception as error:
            await self._refused(call, error, out, trouble)
        finally:
            self._metrics.in_flight.dec()
            self._done(call, scope, trouble)

    async def _inside(self, call: RequestState, scope: Scope, receive: Receive, send: Send) -> None:
        call.sent = client_address(scope["headers"])
        self._guard.host(call.sent)
        self._guard.origin(scope["method"], call.sent)
        methods = self._table.get(scope["path"])
        if methods is None:
            await self._page(call, scope, receive, send)
            return
        operation = methods.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if operation is None:
            allow = {"Allow": ", ".join(sorted({*methods, *(("HEAD",) if "GET" in methods else ())}))}
            raise Problem(405, f"expected the method {allow['Allow']}", headers=allow)
        call.operation, call.until = operation, call.started + operation.seconds
        address = scope["client"][0] if scope.get("client") else ""
        call.key = await self._guard.admit(call.sent, operation.scope, address)
        await operation.app(scope, receive, send)

    async def _page(self, call: RequestState, scope: Scope, receive: Receive, send: Send) -> None:
        """The explorer's pages: they check by themselves who looks."""
        await self._app(scope, bounded(receive, self._room.options.most_body), send)

    async def _refused(
        self, call: RequestState, error: Exception, send: Send, trouble: dict[str, Any]
    ) -> None:
        """Answer an error, and note what the log is to say of it.

        Not where it was caught: kept in a frame that it holds itself, it would stay until the collector
        comes, with the body and the model.
        """
        problem = self._problem(error)
        if problem.status == 500 or not isinstance(error, (Problem, HTTPException, SidelightError)):
            trouble.update(place(error))
        if not call.status:
            await _send(call, problem, send)

    def _problem(self, error: Exception) -> Problem:
        if isinstance(error, Problem):
            return error
        if isinstance(error, HTTPException):
            return Problem(error.status_code, "see /openapi.json for what there is", headers=error.headers)
        if isinstance(error, SidelightError):
            return of_error(error, self._known())
        if isinstance(error, (OSError, MemoryError)):
            return busy("the machine is short of something; see the log of the service", 5.0)
        return Problem(500, "see the log of the service for this request id")

    def _done(self, call: RequestState, scope: Scope, trouble: dict[str, Any]) -> None:
        scope.pop(CALL, None)  # they hold each other, and the call the body: no work for the collector
        if call.held:
            self._room.buffers.release(call.held, call.caller)
        if call.worth > 1:
            self._guard.charge(call.key, call.worth - 1)
        seconds = time.monotonic() - call.started
        route = self._route(scope["path"])
        self._metrics.requested(route, call.status, seconds)
        _told(self._log, call.status)(
            "request",
            route=route,
            method=scope["method"] if call.operation else "",
            status=call.status,
            ms=round(1000 * seconds, 2),
            key=call.key.id if call.key else None,
            request_id=call.request_id,
            version=call.version or self._version(),
            **trouble,
        )

    def _route(self, path: str) -> str:
        if path in self._table or path in self._pages:
            return path
        return STATIC if path.startswith("/static/") and STATIC in self._pages else NOWHERE


def _told(log: Any, status: int) -> Any:
    """Error for mistakes of ours, warning for what was refused for want of means, else info."""
    if status == 500 or not status:
        return log.error
    return log.warning if status > 500 else log.info


def _sealed(call: RequestState, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers with those that protect; what an answer says itself counts."""
    given = {name.lower() for name, _ in headers}
    more = [pair for pair in SAFE if pair[0] not in given]
    return [*headers, *more, (b"x-request-id", call.request_id.encode())]


async def _send(call: RequestState, problem: Problem, send: Send) -> None:
    body = problem.body(call.request_id)
    headers = [(b"content-type", MEDIA.encode()), (b"content-length", b"%d" % len(body))]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
