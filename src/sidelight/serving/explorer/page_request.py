"""Request for a page: identity of the visitor, checks of forms, and the responses that pages return."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sidelight.errors import SpecError, complain
from sidelight.serving.domain import SCOPES
from sidelight.serving.explorer.explorer_app import ExplorerApp
from sidelight.serving.explorer.forms import MOST_BYTES, Form
from sidelight.serving.explorer.sessions import Fields

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


class PageRequest:
    """One request for a page, and the responses to it.

    Attributes:
        explorer, engine: Shared state of the pages, and the engine behind them.
        session: Session of the signed-in key; None without one.
        scopes: Scopes of the visitor; all of them while no keys are needed.
        query: Fields of the address.
        form: Fields that were posted, or that the saved query of the address holds.
        view: Name of the saved query, "" without one.
        ended: Whether the address names a saved query that is no longer there.
        live: Whether the script sent it, which expects the page instead of a redirect.
        root: Path under which the service is reached, "" for the top.
    """

    def __init__(self, explorer: ExplorerApp, http: Request, here: str) -> None:
        self.explorer, self.engine, self.here, self._http = explorer, explorer.engine, here, http
        self.keys_needed = explorer.keys_needed
        self.session = explorer.sessions.find(http.cookies.get(SESSION, "")) if self.keys_needed else None
        visitor = http.cookies.get(VISITOR, "")
        self._new_visitor = "" if visitor or self.session else secrets.token_urlsafe(24)
        self._owner = self.session.id if self.session else visitor or self._new_visitor
        open_scopes = frozenset[str]() if self.keys_needed else SCOPES
        self.scopes = self.session.scopes if self.session else open_scopes
        self.query, self.form = Form.of_query(http.url.query), Form()
        self.view, self.ended = "", False
        self.posted, self.live = http.method == "POST", http.headers.get("x-live") == "1"
        self.root = http.scope.get("root_path", "").rstrip("/")

    @property
    def admin(self) -> bool:
        """True if the visitor may change the service and see audiences of items."""
        return "admin" in self.scopes

    @property
    def history(self) -> bool:
        """True if the visitor may see stored histories, and explanations that reveal them."""
        return "history" in self.scopes

    def refusal(self, scope: str, path: str) -> Response | None:
        """Return the response to a visitor who may not use a route, or None.

        Args:
            scope: Scope that the route needs; "" is open to every visitor.
            path: Path of the route, to come back to after signing in.
        """
        site = self._http.headers.get("sec-fetch-site", "")
        if self.posted and site not in ("", "same-origin", "none"):
            return self.trouble(
                403, "This form came from another site", "Only forms of these pages are taken."
            )
        signed_in = self.session is not None and self.explorer.key_works(self.session.key_id)
        if scope and self.keys_needed and not signed_in:
            if self.posted:
                return self.trouble(401, "You are signed out", "Sign in again, then send the form once more.")
            return self.redirect("/signin" if path == "/" else f"/signin?{urlencode({'next': path})}")
        if scope and scope not in self.scopes:
            own = " and ".join(sorted(self.scopes))
            detail = f"Your key has the scope {own}; this needs the scope {scope}."
            return self.trouble(403, "Your key is not enough for this", detail)
        return None

    def read_form(self, body: bytes | None) -> None:
        """Read the posted form into `form`, after checking its CSRF token.

        Args:
            body: Bytes of the request; None where there were too many.

        Raises:
            SpecError: The body is too large or no form, or the token belongs to another visitor.
        """
        if body is None:
            raise SpecError(complain(f"a form of at most {MOST_BYTES // 1024} kB", "a larger one"))
        form = Form.read(body, self._http.headers.get("content-type", ""))
        if self._new_visitor or not self.explorer.csrf.fits(self._owner, form.one("token")):
            fix = "load the page again and send it once more; the browser must take cookies for that"
            raise SpecError(complain("a form of this page and this browser", "another one", fix=fix))
        self.form = form.without("token")

    def save_query(self, fields: Fields) -> str:
        """Save fields for this visitor and return the name under which `load_query` returns them."""
        return self.explorer.queries.keep(self._owner, fields)

    def load_query(self, name: str) -> None:
        """Fill `form` from a saved query; set `ended` where this visitor has none of that name."""
        fields = self.explorer.queries.find(self._owner, name)
        self.form, self.view, self.ended = Form(fields or ()), name if fields else "", fields is None

    def render(self, template: str, values: Mapping[str, Any], status: int = 200) -> Response:
        """Render a template with its own values and those of every page."""
        shared = {
            "page": self, "admin": self.admin, "token": self.explorer.csrf.token(self._owner),
            "root": self.root, "here": self.here, "navigation": NAVIGATION, "stamp": self.explorer.stamp,
            "keys_needed": self.keys_needed, "version": self.engine.snapshot.version, "notice": None,
        }  # fmt: skip
        response = self.explorer.templates.TemplateResponse(
            self._http, template, {**shared, **values}, status
        )
        # Not for a refused form: a late one of a page that was left would replace the cookie of the next.
        if self._new_visitor and not self.posted:
            # Lax: a visitor who follows a link from elsewhere stays the same one. The cookie proves nothing.
            self.set_cookie(response, VISITOR, self._new_visitor, strict=False)
        return response

    def trouble(self, status: int, title: str, detail: str) -> Response:
        """Render a page that says what is wrong and what to do."""
        return self.render("trouble.html", {"title": title, "detail": detail}, status)

    def redirect(self, path: str, fields: Fields | None = None) -> Response:
        """Redirect to another page of this service.

        Args:
            path: Path with its query.
            fields: Fields to save as a query that the other page loads; none without.
        """
        if fields is not None:
            path += f"{'&' if '?' in path else '?'}v={quote(self.save_query(fields))}"
        return RedirectResponse(self.root + path, 303)

    def set_cookie(self, response: Response, name: str, value: str, strict: bool = True) -> None:
        """Set a cookie that scripts cannot read; an empty value deletes it."""
        response.set_cookie(
            name,
            value,
            max_age=None if value else 0,
            path=self.root or "/",
            httponly=True,
            secure=self.explorer.secure or self._http.url.scheme == "https",
            samesite="strict" if strict else "lax",
        )
