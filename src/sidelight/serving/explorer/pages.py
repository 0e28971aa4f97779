"""`mount`: the explorer's pages on a FastAPI app, from `/` on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sidelight.serving.explorer import catalogue, lists, new_item, ruled, signin, state, versions
from sidelight.serving.explorer.answering import HEADERS, Arrival, Route, answer
from sidelight.serving.explorer.desk import STATIC, Desk

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sidelight.serving.engine import Engine

ROUTES = (
    Route("/", lists.show, lists.settle),
    Route("/rules", ruled.show, ruled.settle),
    Route("/catalogue", catalogue.show),
    Route("/item", catalogue.item, under="/catalogue"),
    Route("/item/retire", catalogue.retire, method="POST", scope="admin", under="/catalogue"),
    Route("/pick", catalogue.pick),
    Route("/new", new_item.show, new_item.settle),
    Route("/new/add", new_item.add, method="POST", scope="admin", under="/new"),
    Route("/new/added", new_item.added, scope="admin", under="/new"),
    Route("/versions", versions.show, versions.settle),
    Route("/versions/confirm", versions.confirm, scope="admin", under="/versions"),
    Route("/versions/change", versions.change, method="POST", scope="admin", under="/versions"),
    Route("/state", state.show),
    Route("/signin", signin.show, scope=""),
    Route("/signin", signin.enter, method="POST", scope=""),
    Route("/signout", signin.leave, method="POST", scope=""),
)


Run = Callable[[Callable[[], Response]], Awaitable[Response]]
"""Runs work in a thread and gives what it gives: where the limits of the service are kept."""


def mount(
    app: FastAPI, engine: Engine, options: Any, database: Any = None, run: Run = run_in_threadpool
) -> Desk:
    """Put the explorer's pages on an app.

    Args:
        app: Gets the routes; they are left out of its OpenAPI description.
        engine: Answers everything that the pages ask.
        options: Of the service: `require_keys` (sign in first) and `max_history`.
        database: Where keys are looked up; the engine's own without.
        run: Runs the work of a page in a thread.

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
        return await run(partial(answer, desk, route, await Arrival.of(request)))

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
