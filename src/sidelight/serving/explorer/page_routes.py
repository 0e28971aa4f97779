"""Routes of the explorer's pages on a FastAPI app, and the way of a request to its page and back."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from sidelight.errors import SidelightError, SpecError
from sidelight.serving.domain import DatabaseError
from sidelight.serving.explorer import (
    catalogue_page,
    lists_page,
    new_item_page,
    rules_page,
    sign_in_page,
    status_page,
    user_form,
    versions_page,
)
from sidelight.serving.explorer.explorer_app import STATIC, ExplorerApp, ExplorerOptions
from sidelight.serving.explorer.forms import Form
from sidelight.serving.explorer.page_request import HEADERS, SESSION, PageRequest
from sidelight.serving.fair_turns import Stopped

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sidelight.serving.database.database import Database
    from sidelight.serving.engine import Engine

GUEST = "guest"  # all visitors without a session count as one caller
HIGH_COST = 750.0  # cost of pages that score all users or load a version
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageRoute:
    """One address of the explorer.

    Args:
        path: Path from the top of the service.
        show: Function that returns the response.
        normalise: Function of a form that changes nothing: returns its fields after the actions of its
            buttons. They are saved as a query, and the browser is redirected to where the page can be loaded
            again. Such a route takes GET and POST.
        method: "GET" or "POST".
        scope: Scope that a key needs; "" is open to every visitor.
        under: Entry of the navigation that the page belongs to; the path itself without.
        lane: Executor that it runs in, see `WorkerPools`.
        cost: Cost in the executor "heavy", see `fair_turns.cost`.
    """

    path: str
    show: Callable[[PageRequest], Response]
    normalise: Callable[[PageRequest], Form] | None = None
    method: str = "GET"
    scope: str = "read"
    under: str = ""
    lane: str = "heavy"
    cost: float = 100.0

    @property
    def methods(self) -> list[str]:
        """Methods that the route takes."""
        return ["GET", "POST"] if self.normalise else [self.method]


def admin_form(path: str, show: Callable[[PageRequest], Response], under: str, lane: str) -> PageRoute:
    """Return the route of a form that changes the service."""
    return PageRoute(path, show, method="POST", scope="admin", under=under, lane=lane)


ROUTES = (
    PageRoute("/", lists_page.show, user_form.normalise_form),
    PageRoute("/rules", rules_page.show, rules_page.normalise_form),
    PageRoute("/catalogue", catalogue_page.show),
    PageRoute("/item", catalogue_page.show_item, under="/catalogue", cost=HIGH_COST),
    admin_form("/item/retire", catalogue_page.retire, "/catalogue", "items"),
    PageRoute("/pick", catalogue_page.suggest),
    PageRoute("/new", new_item_page.show, new_item_page.normalise_form, cost=HIGH_COST),
    admin_form("/new/add", new_item_page.add, "/new", "items"),
    PageRoute("/new/added", new_item_page.added, scope="admin", under="/new", lane="side"),
    PageRoute("/versions", versions_page.show, user_form.normalise_form, cost=HIGH_COST),
    PageRoute("/versions/confirm", versions_page.confirm, scope="admin", under="/versions", lane="side"),
    admin_form("/versions/change", versions_page.change, "/versions", "slow"),
    admin_form("/versions/back", versions_page.change, "/versions", "back"),
    PageRoute("/state", status_page.show, lane="side"),
    PageRoute("/signin", sign_in_page.show, scope="", lane="side"),
    PageRoute("/signin", sign_in_page.enter, method="POST", scope="", lane="side"),
    PageRoute("/signout", sign_in_page.leave, method="POST", scope="", lane="side"),
)

Work = Callable[[bytes | None], Response]
Run = Callable[[Request, PageRoute, Hashable, Work], Awaitable[Response]]
"""Function that reads a body and runs the work on it in a thread: it enforces the limits of the service."""


def mount(
    app: FastAPI, engine: Engine, options: ExplorerOptions, database: Database, run: Run
) -> ExplorerApp:
    """Add the explorer's pages to an app.

    Args:
        app: App that gets the routes; its OpenAPI description leaves them out.
        engine: Engine behind the pages.
        options: Options of the service.
        database: Database of the API keys.
        run: Function that reads bodies and runs the work of pages in threads.

    Returns:
        State shared by the pages, mostly for tests.
    """
    explorer = ExplorerApp(engine, options, database)
    explorer.paths = frozenset(r.path for r in ROUTES if r.method == "GET" and not r.under)

    def endpoint(route: PageRoute) -> Callable[[Request], Awaitable[Response]]:
        async def run_page(request: Request) -> Response:
            session = explorer.sessions.find(request.cookies.get(SESSION, ""))
            caller = GUEST if session is None else session.key_id
            return await run(request, route, caller, lambda body: respond(explorer, route, request, body))

        return run_page

    async def static(request: Request) -> Response:
        """Return the script, the style or the icon; cacheable for long under an address with its hash."""
        name = request.path_params["name"]
        if name not in STATIC:
            return Response("Not found", 404, media_type="text/plain", headers=HEADERS)
        current = request.query_params.get("v") == explorer.stamp
        age = "public, max-age=31536000, immutable" if current else "no-cache"
        headers = {**HEADERS, "Cache-Control": age}
        return Response(explorer.static[name], headers=headers, media_type=STATIC[name])

    for route in ROUTES:
        app.add_route(route.path, endpoint(route), methods=route.methods, include_in_schema=False)
    app.add_route("/static/{name}", static, methods=["GET"], include_in_schema=False)
    return explorer


def respond(explorer: ExplorerApp, route: PageRoute, http: Request, body: bytes | None) -> Response:
    """Return the response to a request; errors that a visitor can cause are pages that say what to do."""
    try:
        page = PageRequest(explorer, http, route.under or route.path)
    except DatabaseError as error:  # without the keys, permissions are unknown
        text = f"The database does not answer: {error}"
        return Response(text, 503, media_type="text/plain", headers=HEADERS)
    try:
        response = page.refusal(route.scope, route.path) or _permitted(page, route, body)
    except DatabaseError as error:
        response = page.trouble(503, "The database does not answer", str(error))
    except SidelightError as error:
        response = page.trouble(400, "This cannot be done", str(error))
    except Stopped:
        raise  # the client has left
    except Exception:
        log.exception("the explorer's page %s failed", route.path)
        detail = "What happened has been written to the log of the service. Other pages may still work."
        response = page.trouble(500, "Something broke here", detail)
    if page.view and page.live:
        response.headers["X-View"] = page.view
    response.headers.update(HEADERS)
    return response


def _permitted(page: PageRequest, route: PageRoute, body: bytes | None) -> Response:
    """Return the response to a visitor who may use the route."""
    if page.posted:
        page.read_form(body)
        if route.normalise is not None:
            with contextlib.suppress(SpecError):  # such a form is shown as it was sent
                page.form = route.normalise(page)
            if not page.live:
                return page.redirect(route.path, page.form.fields)
            page.view = page.save_query(page.form.fields)
    elif name := page.query.one("v"):
        page.load_query(name)
    return route.show(page)
