"""Signing in with a key, and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidelight.serving.explorer.visit import Go, Page, Visit

if TYPE_CHECKING:
    from sidelight.serving.explorer.desk import Desk

NEEDED = "read"


def show(desk: Desk, visit: Visit) -> Page | Go:
    """The form that takes a key."""
    if not desk.keys_needed or visit.session is not None:
        return Go("/")
    return Page("signin.html", {"next": local(visit.query.one("next"), desk.paths), "notice": None})


def enter(desk: Desk, visit: Visit) -> Page | Go:
    """Open a session for a key that may read."""
    if not desk.keys_needed:
        return Go("/")
    target = local(visit.form.one("next"), desk.paths)
    key = desk.check_key(visit.form.one("key"))
    if key is None:
        said = "This key is not known here: it may be mistyped or revoked. Whoever runs this can make one."
        return Page("signin.html", {"next": target, "notice": said}, 403)
    if NEEDED not in key.scopes:
        said = f"The key “{key.name}” may not read, and these pages only show what reading shows."
        return Page("signin.html", {"next": target, "notice": said}, 403)
    session = desk.sessions.open(key.id, key.name, key.scopes)
    return Go(target, session=session.id)


def leave(desk: Desk, visit: Visit) -> Go:
    """End the session."""
    if visit.session is not None:
        desk.sessions.close(visit.session.id)
    return Go("/signin", session="")


def local(given: str, paths: frozenset[str]) -> str:
    """Where to go after signing in: one of our own pages, whatever the address says."""
    return given if given in paths else "/"
