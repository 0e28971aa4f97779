"""`mount`: the explorer's pages on a FastAPI app, from `/` on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sidelight.serving.explorer import catalogue, lists, new_item, ruled, signin, state, versions
from sidelight.serving.explorer.answering import HEADERS, SESSION, Arrival, Route, answer
from sidelight.serving.explorer.desk import STATIC, Desk
from sidelight.serving.explorer.forms import MOST_BYTES

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sidelight.serving.engine import Engine

GUEST = "guest"  # all who are not signed in are one caller
DEAR = 750.0  # cost of pages that look at all users or load a version
ROUTES = (
    Route("/", lists.show, lists.settle),
    Route("/rules", ruled.show, ruled.settle),
    Route("/catalogue", catalogue.show),
    Route("/item", catalogue.item, under="/catalogue", cost=DEAR),
    Route("/item/retire", catalogue.retire, method="POST", scope="admin", under="/catalogue", lane="items"),
    Route("/pick", catalogue.pick),
    Route("/new", new_item.show, new_item.settle, cost=DEAR),
    Route("/new/add", new_item.add, method="POST", scope="admin", under="/new", lane="items"),
    Route("/new/added", new_item.added, scope="admin", under="/new", lane="side"),
    Route("/versions", versions.show, versions.settle, cost=DEAR),
    Route("/versions/confirm", versions.confirm, scope="admin", under="/versions", lane="side"),
    Route("/versions/change", versions.change, method="POST", scope="admin", under="/versions", lane="slow"),
    Route("/versions/back", versions.change, method="POST", scope="admin", under="/versions", lane="back"),
    Route("/state", state.show, lane="side"),
    Route("/signin", signin.show, scope="", lane="side"),
    Route("/signin", signin.enter, method="POST", scope="", lane="side"),
    Route("/signout", signin.leave, method="POST", scope="", lane="side"),
)


Work = Callable[[bytes | None], Response]
Run = Callable[[Request, Route, Hashable, Work], Awaitable[Response]]
"""Reads a body and runs the work on it in a thread: where the limits of the service are kept."""


async def unlimited(request: Request, route: Route, caller: Hashable, work: Work) -> Response:
    """Work without limits, for pages that stand alone."""
    body = await request.body()
    return await run_in_threadpool(work, body if len(body) <= MOST_BYTES else None)


def mount(app: FastAPI, engine: Engine, options: Any, database: Any = None, run: Run = unlimited) -> Desk:
    """Put the explorer's pages on an app.

    Args:
        app: Gets the routes; they are left out of its OpenAPI description.
        engine: Answers everything that the pages ask.
        options: Of the service: `require_keys` (sign in first) and `max_history`.
        database: Where keys are looked up; the engine's own without.
        run: Reads bodies and runs the work of pages in threads.

    Returns:
        What the pages share, mostly for tests.
    """
    desk = Desk(engine, options, database)
    desk.paths = frozenset(route.path for route in ROUTES if route.method == "GET" and not route.under)
    for route in ROUTES:
        methods = ["GET", "POST"] if route.settle else [route.method]
        app.add_route(route.path, _endpoint(desk, route, run), methods=methods, include_in_schema=False)
    app.add_route("/static/{name}", _static(desk), methods=["GET"], include_in_schema=False)
    return desk


def _endpoint(desk: Desk, route: Route, run: Run) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        session = desk.sessions.find(request.cookies.get(SESSION, ""))
        caller = GUEST if session is None else session.key_id
        return await run(request, route, caller, lambda body: answer(desk, route, Arrival.of(request, body)))

    return endpoint


def _static(desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    """The script, the style and the icon. Their addresses change with them: they can be kept for long."""

    async def endpoint(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            return Response("Not found", 404, media_type="text/plain", headers=HEADERS)
        current = request.query_params.get("v") == desk.stamp
        age = "public, max-age=31536000, immutable" if current else "no-cache"
        headers = {**HEADERS, "Cache-Control": age}
        return Response(desk.static[name], headers=headers, media_type=STATIC[name])

    return endpoint
