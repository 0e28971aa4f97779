"""Signing in with a key, and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidelight.serving.explorer.page_types import PageRequest, PageResponse, Redirect

if TYPE_CHECKING:
    from sidelight.serving.explorer.explorer_app import ExplorerApp

NEEDED = "read"


def show(desk: ExplorerApp, visit: PageRequest) -> PageResponse | Redirect:
    """The form that takes a key."""
    if not desk.keys_needed or visit.session is not None:
        return Redirect("/")
    return PageResponse("signin.html", {"next": local(visit.query.one("next"), desk.paths), "notice": None})


def enter(desk: ExplorerApp, visit: PageRequest) -> PageResponse | Redirect:
    """Open a session for a key that may read."""
    if not desk.keys_needed:
        return Redirect("/")
    target = local(visit.form.one("next"), desk.paths)
    key = desk.check_key(visit.form.one("key"))
    if key is None:
        said = "This key is not known here: it may be mistyped or revoked. Whoever runs this can make one."
        return PageResponse("signin.html", {"next": target, "notice": said}, 403)
    if NEEDED not in key.scopes:
        said = f"The key “{key.name}” may not read, and these pages only show what reading shows."
        return PageResponse("signin.html", {"next": target, "notice": said}, 403)
    session = desk.sessions.open(key.id, key.name, key.scopes)
    return Redirect(target, session=session.id)


def leave(desk: ExplorerApp, visit: PageRequest) -> Redirect:
    """End the session."""
    if visit.session is not None:
        desk.sessions.close(visit.session.id)
    return Redirect("/signin", session="")


def local(given: str, paths: frozenset[str]) -> str:
    """Where to go after signing in: one of our own pages, whatever the address says."""
    return given if given in paths else "/"
