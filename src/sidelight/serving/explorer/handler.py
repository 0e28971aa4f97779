"""From a request to a page: who asks, whether they may, and what goes back; nothing of any one page."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from sidelight.errors import SidelightError, SpecError, complain
from sidelight.serving.domain import SCOPES, DatabaseError
from sidelight.serving.explorer.explorer_app import ExplorerApp
from sidelight.serving.explorer.forms import MOST_BYTES, Form
from sidelight.serving.explorer.page_types import PageRequest, PageResponse, Redirect
from sidelight.serving.fair_turns import Stopped

SESSION, VISITOR = "sidelight_session", "sidelight_visitor"  # names of cookies
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NAVIGATION = (
    ("/", "Lists"),
    ("/rules", "Rules"),
    ("/catalogue", "Catalogue"),
    ("/new", "New item"),
    ("/versions", "Versions"),
    ("/state", "State"),
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageRoute:
    """One address of the explorer.

    Args:
        path: From the top of the service.
        show: What makes the page; a list or dict goes back as JSON.
        settle: For a form that only asks: what its fields mean once its buttons are done. They are then
            kept as a view, and the browser is sent on to where it can load and go back to the page.
        method: "GET" or "POST"; a route that settles answers both.
        scope: What a key must be allowed; "" is open to anybody.
        lane: Threads that it runs in, as of operations of the API.
        cost: See `turns.cost`.
        under: The entry of the navigation that this is part of; the path itself without.
    """

    path: str
    show: Callable[[ExplorerApp, PageRequest], object]
    settle: Callable[[ExplorerApp, PageRequest], Form] | None = None
    method: str = "GET"
    scope: str = "read"
    under: str = ""
    lane: str = "heavy"
    cost: float = 100.0


@dataclass(frozen=True)
class IncomingRequest:
    """A request after its body was read; nothing of it is believed yet.

    Args:
        posted, live: Sent as a form; sent by the script, which wants the page and no redirection.
        body: Bytes of a form, None where there were too many.
        type: Its content type.
        query: Of the address.
        session, visitor: Cookies.
        site: What the browser says of who caused the request, "" where it says nothing.
        root: Path under which the service is reached.
        secure: Whether it came by https.
    """

    posted: bool
    live: bool
    body: bytes | None
    type: str
    query: str
    session: str
    visitor: str
    site: str
    root: str
    secure: bool

    @classmethod
    def of(cls, request: Request, body: bytes | None) -> IncomingRequest:
        """The request and its body, None where that is longer than a form may be."""
        headers, cookies = request.headers, request.cookies
        return cls(
            request.method == "POST", headers.get("x-live") == "1", body, headers.get("content-type", ""),
            request.url.query, cookies.get(SESSION, ""), cookies.get(VISITOR, ""),
            headers.get("sec-fetch-site", ""), request.scope.get("root_path", "").rstrip("/"),
            request.url.scheme == "https",
        )  # fmt: skip


def answer(desk: ExplorerApp, route: PageRoute, arrived: IncomingRequest) -> Response:
    """What goes back. Errors that a person can cause are pages that say what to do."""
    try:
        made = RequestHandler(desk, arrived)
    except DatabaseError as error:  # without it nobody can say who may see anything
        return Response(
            f"The database does not answer: {error}", 503, media_type="text/plain", headers=HEADERS
        )
    visit = made.visit
    try:
        refused = made.refusal(route)
        if refused is not None:
            return made.respond(refused, route, visit)
        if arrived.posted:
            visit = made.posted()
            if route.settle is not None:
                visit = made.settled(route.settle, visit)
                if not arrived.live:
                    return made.respond(Redirect(route.path, visit.form.fields), route, visit)
        elif name := visit.query.one("v"):
            visit = made.seen_again(name)
        return made.respond(route.show(desk, visit), route, visit)
    except DatabaseError as error:
        return made.respond(trouble(503, "The database does not answer", str(error)), route, visit)
    except SidelightError as error:
        return made.respond(trouble(400, "This cannot be done", str(error)), route, visit)
    except Stopped:
        raise  # nobody waits for the page
    except Exception:
        log.exception("the explorer's page %s failed", route.path)
        told = "What happened has been written to the log of the service. Other pages may still work."
        return made.respond(trouble(500, "Something broke here", told), route, visit)


def trouble(status: int, title: str, told: str, fix: str = "") -> PageResponse:
    """A page that says what is wrong and what to do."""
    return PageResponse("trouble.html", {"title": title, "told": told, "fix": fix}, status)


class RequestHandler:
    """One request on its way through: reads the cookies, checks, and makes the response.

    Args:
        desk: What all pages share.
        arrived: The request.
    """

    def __init__(self, desk: ExplorerApp, arrived: IncomingRequest) -> None:
        self._desk, self._arrived = desk, arrived
        session = desk.sessions.find(arrived.session) if desk.keys_needed else None
        self._fresh = "" if arrived.visitor or session else secrets.token_urlsafe(24)
        scopes = session.scopes if session else frozenset() if desk.keys_needed else SCOPES
        cookie = session.id if session else arrived.visitor or self._fresh
        query = Form.of_query(arrived.query)
        self.visit = PageRequest(cookie, scopes, session, query=query, root=arrived.root)

    def refusal(self, route: PageRoute) -> PageResponse | Redirect | None:
        """Why this visitor may not have this, or None."""
        visit, arrived = self.visit, self._arrived
        if arrived.posted and arrived.site not in ("", "same-origin", "none"):
            return trouble(403, "This form came from another site", "Only forms of these pages are taken.")
        signed = visit.session is not None and self._desk.still_holds(visit.session.key_id)
        if route.scope and self._desk.keys_needed and not signed:
            if arrived.posted:
                return trouble(401, "You are signed out", "Sign in again, then send the form once more.")
            return Redirect("/signin" if route.path == "/" else f"/signin?{urlencode({'next': route.path})}")
        if route.scope and route.scope not in visit.scopes:
            own = " and ".join(sorted(visit.scopes))
            told = f"Your key has the scope {own}; this needs the scope {route.scope}."
            return trouble(403, "Your key is not enough for this", told)
        return None

    def posted(self) -> PageRequest:
        """The visit with its form, once it is sure that the form is one of ours.

        Raises:
            SpecError: It is too large, no form, or made for somebody else.
        """
        arrived = self._arrived
        if arrived.body is None:
            raise SpecError(complain(f"a form of at most {MOST_BYTES // 1024} kB", "a larger one"))
        form = Form.read(arrived.body, arrived.type)
        if self._fresh or not self._desk.seal.fits(self.visit.cookie, form.one("token")):
            fix = "load the page again and send it once more; the browser must take cookies for that"
            raise SpecError(complain("a form of this page and this browser", "another one", fix=fix))
        return self.replaced(form.without("token"))

    def settled(self, settle: Callable[[ExplorerApp, PageRequest], Form], visit: PageRequest) -> PageRequest:
        """The visit with its buttons done; a form that cannot be settled is shown as it is."""
        try:
            form = settle(self._desk, visit)
        except SpecError:
            form = visit.form
        view = self._desk.views.keep(visit.cookie, form.fields) if self._arrived.live else ""
        return self.replaced(form, view)

    def seen_again(self, name: str) -> PageRequest:
        """The visit with what a view held."""
        found = self._desk.views.find(self.visit.cookie, name)
        return self.replaced(Form(found or ()), name if found else "", found is None)

    def replaced(self, form: Form, view: str = "", ended: bool = False) -> PageRequest:
        """The same visit with another form."""
        v = self.visit
        return PageRequest(v.cookie, v.scopes, v.session, form, v.query, view, ended, v.root)

    def respond(self, made: object, route: PageRoute, visit: PageRequest) -> Response:
        """A page, a redirection or JSON as a response with its headers and cookies."""
        if isinstance(made, Redirect):
            response = self._gone(made)
        elif isinstance(made, PageResponse):
            response = Response(
                self._desk.draw(made.template, {**self._shared(route, visit), **made.values}),
                made.status,
                media_type="text/html; charset=utf-8",
            )
        else:
            response = JSONResponse(made)
        if visit.view and self._arrived.live:
            response.headers["X-View"] = visit.view
        response.headers.update(HEADERS)
        if self._fresh:
            # Lax: somebody who follows a link from elsewhere is still the same visitor. It proves nothing.
            self._cookie(response, VISITOR, self._fresh, "lax")
        return response

    def _gone(self, made: Redirect) -> Response:
        path = made.path
        if made.fields is not None:
            view = self._desk.views.keep(self.visit.cookie, made.fields)
            path += f"{'&' if '?' in path else '?'}v={quote(view)}"
        response = RedirectResponse(self._arrived.root + path, 303)
        if made.session:
            self._cookie(response, SESSION, made.session, "strict")
        elif made.session == "":
            response.delete_cookie(
                SESSION, path=self._path, httponly=True, secure=self._secure, samesite="strict"
            )
        return response

    def _cookie(self, response: Response, name: str, value: str, same_site: str) -> None:
        response.set_cookie(
            name, value, path=self._path, httponly=True, secure=self._secure,
            samesite="strict" if same_site == "strict" else "lax",
        )  # fmt: skip

    @property
    def _secure(self) -> bool:
        return self._arrived.secure or self._desk.secure

    @property
    def _path(self) -> str:
        return self._arrived.root or "/"

    def _shared(self, route: PageRoute, visit: PageRequest) -> dict[str, object]:
        """What every page needs."""
        desk = self._desk
        return {
            "visit": visit, "admin": visit.admin, "token": desk.seal.token(visit.cookie),
            "root": visit.root, "here": route.under or route.path, "navigation": NAVIGATION,
            "stamp": desk.stamp, "keys_needed": desk.keys_needed, "version": desk.engine.snapshot.version,
            "notice": None,
        }  # fmt: skip
