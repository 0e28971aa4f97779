"""The page of versions: two side by side, promotion and rollback."""

from __future__ import annotations

import re
from pathlib import Path

from report.browser import Browser
from serving.explorer.service import CLICKS, CONTENT, Service, running
from serving.explorer.visitor import ADMIN, Visitor
from serving.explorer.web import READER, Web, ask_for

from sidelight.serving.requests import RecommendRequest


def test_an_admin_may_promote(guest: Visitor, locked: Service) -> None:
    guest.sign_in(locked.database.add_key("an admin", ADMIN))
    try:
        found = guest.post("/versions/change", "/versions", do="promote", name=CLICKS)
        assert found.is_redirect and locked.engine.snapshot.version == CLICKS
        assert "serves now" in guest.http.get(found.headers["location"]).text
        found = guest.post("/versions/change", "/versions", do="promote", name="no-such")
        assert 'role="alert"' in guest.http.get(found.headers["location"]).text
    finally:
        locked.engine.promote(CONTENT)


def test_versions_are_compared_promoted_and_rolled_back(own: tuple[Web, Service]) -> None:
    web, service = own
    web.go("/versions")
    assert web.texts("tbody th .name") == [CONTENT, CLICKS] and "serves" in web.text("tr.current")
    assert "0.4758" in web.text("tr.current")
    ask_for(web)
    now, other = service.engine.compare(RecommendRequest(user=READER, explore=False), CLICKS)
    titles = "l => [...l.querySelectorAll('.title a')].map(a => a.innerText)"
    lists = web.value(f"[...document.querySelectorAll('.pair ol')].map({titles})")
    assert lists == [[one.title for one in other.items], [one.title for one in now.items]]
    assert re.search(r"rose|fell|entered|same", web.text(".result h3"))
    web.submit("tbody .act .button")
    assert web.text("h1") == f"Let {CLICKS} serve?" and "0.4758 → 0.3912" in web.text(".facts")
    assert service.engine.snapshot.version == CONTENT, "asking changes nothing"
    web.submit("main .ways button")
    assert (
        web.text(".success") == f"Promoted: {CLICKS} serves now."
        and service.engine.snapshot.version == CLICKS
    )
    web.submit(".after .button")
    assert web.text("h1") == f"Roll back to {CONTENT}?"
    web.submit("main .ways button")
    assert service.engine.snapshot.version == CONTENT and "Rolled back" in web.text(".success")
    assert web.troubles() == []


def test_a_single_bundle_has_no_versions_and_says_so(
    published: Path, tmp_path: Path, browser: Browser
) -> None:
    with running(published / "versions" / CONTENT, tmp_path, single=True) as service:
        web = Web(browser, service.base)
        web.fresh()
        web.go("/versions")
        assert "single bundle" in web.text("h2") and web.troubles() == []
        web.go("/")
        ask_for(web)
