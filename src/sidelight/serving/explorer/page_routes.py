"""`mount`: the explorer's pages on a FastAPI app, from `/` on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sidelight.serving.explorer import (
    catalogue_page,
    lists_page,
    new_item_page,
    rules_page,
    sign_in_page,
    status_page,
    versions_page,
)
from sidelight.serving.explorer.explorer_app import STATIC, ExplorerApp
from sidelight.serving.explorer.forms import MOST_BYTES
from sidelight.serving.explorer.handler import HEADERS, SESSION, IncomingRequest, PageRoute, answer

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sidelight.serving.engine import Engine

GUEST = "guest"  # all who are not signed in are one caller
DEAR = 750.0  # cost of pages that look at all users or load a version
ROUTES = (
    PageRoute("/", lists_page.show, lists_page.normalise_form),
    PageRoute("/rules", rules_page.show, rules_page.normalise_form),
    PageRoute("/catalogue", catalogue_page.show),
    PageRoute("/item", catalogue_page.item, under="/catalogue", cost=DEAR),
    PageRoute(
        "/item/retire", catalogue_page.retire, method="POST", scope="admin", under="/catalogue", lane="items"
    ),
    PageRoute("/pick", catalogue_page.pick),
    PageRoute("/new", new_item_page.show, new_item_page.normalise_form, cost=DEAR),
    PageRoute("/new/add", new_item_page.add, method="POST", scope="admin", under="/new", lane="items"),
    PageRoute("/new/added", new_item_page.added, scope="admin", under="/new", lane="side"),
    PageRoute("/versions", versions_page.show, versions_page.normalise_form, cost=DEAR),
    PageRoute("/versions/confirm", versions_page.confirm, scope="admin", under="/versions", lane="side"),
    PageRoute(
        "/versions/change", versions_page.change, method="POST", scope="admin", under="/versions", lane="slow"
    ),
    PageRoute(
        "/versions/back", versions_page.change, method="POST", scope="admin", under="/versions", lane="back"
    ),
    PageRoute("/state", status_page.show, lane="side"),
    PageRoute("/signin", sign_in_page.show, scope="", lane="side"),
    PageRoute("/signin", sign_in_page.enter, method="POST", scope="", lane="side"),
    PageRoute("/signout", sign_in_page.leave, method="POST", scope="", lane="side"),
)


Work = Callable[[bytes | None], Response]
Run = Callable[[Request, PageRoute, Hashable, Work], Awaitable[Response]]
"""Reads a body and runs the work on it in a thread: where the limits of the service are kept."""


async def unlimited(request: Request, route: PageRoute, caller: Hashable, work: Work) -> Response:
    """Work without limits, for pages that stand alone."""
    body = await request.body()
    return await run_in_threadpool(work, body if len(body) <= MOST_BYTES else None)


def mount(
    app: FastAPI, engine: Engine, options: Any, database: Any = None, run: Run = unlimited
) -> ExplorerApp:
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
    desk = ExplorerApp(engine, options, database)
    desk.paths = frozenset(route.path for route in ROUTES if route.method == "GET" and not route.under)
    for route in ROUTES:
        methods = ["GET", "POST"] if route.settle else [route.method]
        app.add_route(route.path, _endpoint(desk, route, run), methods=methods, include_in_schema=False)
    app.add_route("/static/{name}", _static(desk), methods=["GET"], include_in_schema=False)
    return desk


def _endpoint(desk: ExplorerApp, route: PageRoute, run: Run) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        session = desk.sessions.find(request.cookies.get(SESSION, ""))
        caller = GUEST if session is None else session.key_id
        return await run(
            request, route, caller, lambda body: answer(desk, route, IncomingRequest.of(request, body))
        )

    return endpoint


def _static(desk: ExplorerApp) -> Callable[[Request], Awaitable[Response]]:
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
