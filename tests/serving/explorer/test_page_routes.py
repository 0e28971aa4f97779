"""The pages as a whole: headers, static files, failures, layout, contrast, and use without scripts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report.browser import Browser
from serving.explorer.looks import faint, nameless, ringed
from serving.explorer.service import Service, running
from serving.explorer.visitor import Visitor
from serving.explorer.web import READER, Web, ask_for

PAGES = ("/", "/rules", "/catalogue", "/item?id=b003", "/pick?q=salt", "/new", "/versions", "/state")


@pytest.mark.parametrize("path", [*PAGES, "/item?id=none", "/static/explorer.js", "/static/nothing"])
def test_every_answer_forbids_what_no_page_needs(open_: Visitor, path: str) -> None:
    found = open_.http.get(path)
    policy = found.headers["content-security-policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["referrer-policy"] == "same-origin"
    if not path.startswith("/static/"):
        assert found.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_no_script_and_no_style_of_their_own(open_: Visitor, path: str) -> None:
    html = open_.http.get(path).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    scripts = re.findall(r"<script.*?</script>", html, re.S)
    assert scripts == re.findall(r'<script src="/static/explorer.js\?v=\w+" defer></script>', html)
    assert "://" not in html.replace("http://www.w3.org", "")


def test_files_can_be_kept_as_long_as_they_are_these(open_: Visitor) -> None:
    html = open_.http.get("/").text
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', html):
        assert "immutable" in open_.http.get(address).headers["cache-control"]
    assert open_.http.get("/static/explorer.js?v=old").headers["cache-control"] == "no-cache"
    for name in ("..%2Fforms.py", "../forms.py", "nothing.js", "%2e%2e/pages.py"):
        assert open_.http.get(f"/static/{name}").status_code == 404


def test_a_failure_is_a_page_without_details(
    open_: Visitor, shared: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(shared.engine, "status", fail)
    found = open_.http.get("/state")
    assert found.status_code == 500 and "Something broke here" in found.text
    assert "secret inside" not in found.text and "secret inside" in caplog.text


def test_a_database_that_is_gone_is_told(
    open_: Visitor, shared: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sidelight.serving.domain import DatabaseError

    def fail(*_: object) -> None:
        raise DatabaseError("expected a database; found none")

    monkeypatch.setattr(shared.engine, "recommend", fail)
    sent = open_.post("/", user="reader-07")
    found = open_.http.get(sent.headers["location"])
    assert found.status_code == 200 and 'role="alert">expected a database; found none' in found.text
    assert 'value="reader-07"' in found.text, "what was asked is still there"
    monkeypatch.setattr(shared.engine, "status", fail)
    found = open_.http.get("/state")
    assert found.status_code == 503 and "The database does not answer" in found.text


VIEWS = ("/", "/rules", "/catalogue", "/catalogue?q=salt", "/item?id=b003", "/new", "/versions", "/state")


@pytest.mark.parametrize("path", VIEWS)
def test_a_page_fits_and_is_quiet(web: Web, path: str) -> None:
    for width, dark in ((1280, False), (390, True), (390, False), (1280, True)):
        web.window(width, dark=dark)
        if not dark:
            web.go(path)
        assert web.value("document.documentElement.scrollWidth") <= width
        assert faint(web) == []
        assert web.value("document.querySelectorAll('h1').length") == 1
    assert web.troubles() == [] and web.outside() == []


def test_a_page_with_everything_open_fits_a_phone_too(web: Web) -> None:
    web.window(390, dark=True)
    for path in ("/", "/rules", "/versions"):
        web.go(path)
        ask_for(web)
        web.value("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert web.value("document.documentElement.scrollWidth") <= 390, path
        assert faint(web) == [], path
    assert web.troubles() == []


def test_text_that_is_too_faint_would_be_noticed(web: Web) -> None:
    web.go("/")
    web.value("document.querySelector('h1').className = 'faint'")
    web.value("document.styleSheets[0].insertRule('.faint { color: #bbb }')")
    assert len(faint(web)) == 1


def test_colours_follow_the_scheme(web: Web) -> None:
    ground = {}
    for dark in (False, True):
        web.window(dark=dark)
        web.go("/")
        ground[dark] = web.value("getComputedStyle(document.body).backgroundColor")
    assert ground[False] != ground[True]


@pytest.mark.parametrize("path", VIEWS)
def test_every_field_and_button_has_a_name(web: Web, path: str) -> None:
    web.go(path)
    assert nameless(web) == []
    ids = web.value("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_focus_is_always_seen(web: Web) -> None:
    web.go("/rules")
    seen, rings = [], []
    for _ in range(16):
        web.press("Tab")
        seen.append(web.value("document.activeElement.id || document.activeElement.textContent.trim()"))
        rings.append(ringed(web))
    assert all(rings), [name for name, ring in zip(seen, rings, strict=True) if not ring]
    assert seen[0] == "Skip to the page" and {"user", "diversity", "freshness", "floor"} <= set(seen)


def test_the_skip_link_leads_past_the_navigation(web: Web) -> None:
    web.go("/")
    web.press("Tab")
    web.press("Enter")
    web.until("document.activeElement.id === 'main'")


def test_every_form_works_without_scripts(web: Web) -> None:
    web.browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    web.go("/rules")
    web.focus("#user")
    web.type(READER)
    web.submit("main button.main")
    assert len(web.texts(".rows > li")) == 10
    web.submit("[name=do][value=rule]")
    assert len(web.texts(".rule")) == 1 and web.value("document.querySelector('#user').value") == READER
    web.submit("[name=drop]")
    assert web.texts(".rule") == []
    web.go("/")
    web.click("[name=who][value=history]")
    web.focus("#find")
    web.type("tide clerk")
    web.submit("[name=do][value=add]")
    assert web.texts(".chips bdi") == ["The Tide Clerk"] and len(web.texts(".rows > li")) == 10
    web.focus("#find")
    web.type("salt")
    web.submit("[name=do][value=add]")
    web.submit(".choices button")
    assert len(web.texts(".chips li")) == 2
    web.submit(".chips button")
    assert len(web.texts(".chips li")) == 1
    web.go("/new")
    web.focus("#field0")
    web.type("Storm and lighthouse")
    web.submit("main button.main")
    assert web.texts(".people li")
    web.browser.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert web.troubles() == []


def test_a_service_that_is_gone_is_told_and_the_last_list_stays(
    published: Path, tmp_path: Path, browser: Browser
) -> None:
    with running(published, tmp_path) as service:
        web = Web(browser, service.base)
        web.fresh()
        web.go("/")
        ask_for(web)
    web.click("[name=k][value='20']")
    web.until("document.querySelector('#told.failed')")
    assert "does not answer" in web.text("#told") and len(web.texts(".rows > li")) == 10
