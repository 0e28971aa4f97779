"""ASGI middleware: request id, authorisation, exceptions to problem responses, metrics, access log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidelight.errors import SidelightError
from sidelight.serving.http.access_control import AccessControl, deciding_headers
from sidelight.serving.http.body_buffers import limit_bytes
from sidelight.serving.http.endpoint import STATE, Endpoint, RequestState, WorkerPools
from sidelight.serving.http.executors import ClientGoneError
from sidelight.serving.http.problems import MEDIA, Problem, busy, of_error
from sidelight.serving.http.request_log import describe_error

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
NOWHERE: Final = "(none)"  # the route of unknown paths
GONE: Final = 499  # in log and metrics: the client did not wait for the response
STATIC: Final = "/static/{name}"


class RequestMiddleware:
    """The only ASGI middleware of the service.

    Args:
        app: ASGI app that serves the pages.
        pools: Executors and buffers, to release the bytes of a body.
        access: Access control.
        metrics: Metrics of the app.
        log: A structlog logger.
        table: Endpoints by path and method.
        pages: Paths of pages.
        version: Function that returns the version that serves.
        known: Function that returns the words that error messages may repeat.
    """

    def __init__(
        self, app: ASGIApp, pools: WorkerPools, access: AccessControl, metrics: ServiceMetrics, log: Any,
        table: Mapping[str, Mapping[str, Endpoint]], pages: Collection[str], version: Callable[[], str],
        known: Callable[[], Collection[str]],
    ) -> None:  # fmt: skip
        self._app, self._pools, self._access, self._metrics, self._log = app, pools, access, metrics, log
        self._table, self._pages, self._version, self._known = table, pages, version, known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        state = RequestState(scope, receive, uuid4().hex, time.monotonic())
        trouble: dict[str, Any] = {}
        self._metrics.in_flight.inc()

        async def out(message: Message) -> None:
            if message["type"] == "http.response.start":
                state.status = message["status"]
                message["headers"] = _safe_headers(state, message.get("headers", []))
            elif scope["method"] == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._dispatch(state, scope, receive, out)
        except (ClientGoneError, asyncio.CancelledError) as gone:
            state.status = state.status or GONE
            if not isinstance(gone, ClientGoneError):
                raise
        except Exception as error:
            await self._respond_to_error(state, error, out, trouble)
        finally:
            self._metrics.in_flight.dec()
            self._finish(state, scope, trouble)

    async def _dispatch(self, state: RequestState, scope: Scope, receive: Receive, send: Send) -> None:
        state.deciding = deciding_headers(scope["headers"])
        self._access.check_host(state.deciding)
        self._access.check_origin(scope["method"], state.deciding)
        methods = self._table.get(scope["path"])
        if methods is None:  # pages authorise their visitors themselves
            await self._app(scope, limit_bytes(receive, self._pools.options.most_body), send)
            return
        endpoint = methods.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if endpoint is None:
            allow = {"Allow": ", ".join(sorted({*methods, *(("HEAD",) if "GET" in methods else ())}))}
            raise Problem(405, f"expected the method {allow['Allow']}", headers=allow)
        state.endpoint, state.until = endpoint, state.started + endpoint.seconds
        address = scope["client"][0] if scope.get("client") else ""
        state.key = await self._access.authorise(state.deciding, endpoint.scope, address)
        await endpoint.app(scope, receive, send)

    async def _respond_to_error(
        self, state: RequestState, error: Exception, send: Send, trouble: dict[str, Any]
    ) -> None:
        """Send a problem for an error, and note what the log tells of it.

        Not where it was caught: kept in a frame that it holds itself, it would stay until the garbage
        collector runs, with the body and the model.
        """
        problem = self._problem(error)
        if problem.status == 500 or not isinstance(error, (Problem, HTTPException, SidelightError)):
            trouble.update(describe_error(error))
        if not state.status:
            body = problem.body(state.request_id)
            headers = {"Content-Type": MEDIA, "Content-Length": str(len(body)), **problem.headers}
            pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": problem.status, "headers": pairs})
            await send({"type": "http.response.body", "body": body})

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

    def _finish(self, state: RequestState, scope: Scope, trouble: dict[str, Any]) -> None:
        scope.pop(STATE, None)  # a cycle that also holds the body: no work for the garbage collector
        if state.held:
            self._pools.buffers.release(state.held, state.caller)
        if state.tokens > 1:
            self._access.charge(state.key, state.tokens - 1)
        seconds = time.monotonic() - state.started
        route = self._route(scope["path"])
        self._metrics.requested(route, state.status, seconds)
        failed = state.status == 500 or not state.status
        level = "error" if failed else "warning" if state.status > 500 else "info"
        getattr(self._log, level)(
            "request",
            route=route,
            method=scope["method"] if state.endpoint else "",
            status=state.status,
            ms=round(1000 * seconds, 2),
            key=state.key.id if state.key else None,
            request_id=state.request_id,
            version=state.version or self._version(),
            **trouble,
        )

    def _route(self, path: str) -> str:
        if path in self._table or path in self._pages:
            return path
        return STATIC if path.startswith("/static/") and STATIC in self._pages else NOWHERE


def _safe_headers(state: RequestState, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers with protective ones; those of the response itself take precedence."""
    given = {name.lower() for name, _ in headers}
    more = [pair for pair in SAFE if pair[0] not in given]
    return [*headers, *more, (b"x-request-id", state.request_id.encode())]
