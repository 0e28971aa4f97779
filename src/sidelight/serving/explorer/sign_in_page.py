"""Pages to sign in with an API key, and out."""

from __future__ import annotations

from starlette.responses import Response

from sidelight.serving.explorer.page_request import SESSION, PageRequest

NEEDED = "read"


def show(page: PageRequest) -> Response:
    """Render the form for a key."""
    if not page.keys_needed or page.session is not None:
        return page.redirect("/")
    return _form(page, page.query.one("next"), None, 200)


def enter(page: PageRequest) -> Response:
    """Open a session for a key that may read."""
    if not page.keys_needed:
        return page.redirect("/")
    target = page.form.one("next")
    key = page.explorer.database.check_key(page.form.one("key"))
    if key is None:
        notice = "This key is not known here: it may be mistyped or revoked. Whoever runs this can make one."
        return _form(page, target, notice, 403)
    if NEEDED not in key.scopes:
        notice = f"The key “{key.name}” may not read, and these pages only show what reading shows."
        return _form(page, target, notice, 403)
    response = page.redirect(_own_page(page, target))
    session = page.explorer.sessions.open(key.id, key.name, key.scopes)
    page.set_cookie(response, SESSION, session.id)
    return response


def leave(page: PageRequest) -> Response:
    """End the session."""
    if page.session is not None:
        page.explorer.sessions.close(page.session.id)
    response = page.redirect("/signin")
    page.set_cookie(response, SESSION, "")
    return response


def _form(page: PageRequest, target: str, notice: str | None, status: int) -> Response:
    return page.render("signin.html", {"next": _own_page(page, target), "notice": notice}, status)


def _own_page(page: PageRequest, given: str) -> str:
    """Return the given target where it is a page of the explorer, else the first page."""
    return given if given in page.explorer.paths else "/"
