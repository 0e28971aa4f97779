"""Visitors and their forms: scopes, sessions, CSRF tokens, saved queries, cookies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from serving.explorer.service import CLICKS, CONTENT, Service, running
from serving.explorer.visitor import READING, Visitor

from sidelight.serving.explorer.forms import MOST_BYTES
from sidelight.serving.explorer.page_request import SESSION, VISITOR
from sidelight.serving.explorer.page_routes import ROUTES

PAGES = ("/", "/rules", "/catalogue", "/item?id=b003", "/pick?q=salt", "/new", "/versions", "/state")


def test_a_form_is_kept_under_a_random_name_for_its_own_visitor(open_: Visitor, shared: Service) -> None:
    sent = open_.post("/", who="user", user="reader-07")
    assert sent.status_code == 303 and re.fullmatch(r"/\?v=[\w-]{8,}", sent.headers["location"])
    assert "because of" in open_.http.get(sent.headers["location"]).text
    with Visitor(shared) as other:
        text = other.http.get(sent.headers["location"]).text
        assert "has been forgotten" in text and "reader-07" not in text


POSTS = sorted({route.path for route in ROUTES if route.normalise or route.method == "POST"})


@pytest.mark.parametrize("path", POSTS)
def test_no_form_is_taken_without_its_token(open_: Visitor, shared: Service, path: str) -> None:
    open_.http.get("/")
    for fields in ({}, {"token": ""}, {"token": "0" * 64}):
        assert open_.http.post(path, data={"name": CLICKS, "item_id": "b901", **fields}).status_code == 400
    with Visitor(shared) as other:
        stolen = other.token()
    assert open_.http.post(path, data={"token": stolen, "name": CLICKS}).status_code == 400
    own = open_.token()
    open_.http.cookies.delete(VISITOR)
    assert open_.http.post(path, data={"token": own, "name": CLICKS}).status_code == 400
    assert shared.engine.snapshot.version == CONTENT


def test_a_form_of_another_site_is_refused_even_with_a_token(open_: Visitor) -> None:
    token = open_.token()
    for site in ("cross-site", "same-site"):
        found = open_.http.post("/", data={"token": token}, headers={"sec-fetch-site": site})
        assert found.status_code == 403 and "another site" in found.text
    assert open_.http.post("/", data={"token": token}, headers={"sec-fetch-site": "same-origin"}).is_redirect


def test_what_is_too_large_or_no_form_is_refused(open_: Visitor) -> None:
    token = open_.token()
    found = open_.http.post("/", data={"token": token, "find": "x" * MOST_BYTES})
    assert found.status_code == 400 and "at most 256 kB" in found.text
    assert open_.http.post("/", json={"token": token}).status_code == 400
    assert open_.http.post("/", files={"token": b"x"}).status_code == 400


def test_a_history_that_is_too_long_is_told_in_words(open_: Visitor) -> None:
    token = open_.token()
    fields = {"token": token, "who": "history", "history": [f"b{n}" for n in range(60)]}
    text = open_.http.post("/", data=fields, follow_redirects=True).text
    assert "a history of at most 50 items; found 60" in text


@pytest.mark.parametrize("path", PAGES)
def test_without_a_key_there_is_only_the_door(guest: Visitor, path: str) -> None:
    found = guest.http.get(path)
    assert found.status_code == 303 and found.headers["location"].startswith("/signin")
    assert "reader-" not in found.text


@pytest.mark.parametrize("path", [p for p in POSTS if p not in ("/signin", "/signout")])
def test_without_a_key_no_form_is_taken(guest: Visitor, locked: Service, path: str) -> None:
    token = guest.token("/signin")
    found = guest.http.post(path, data={"token": token, "name": CLICKS, "item_id": "b902"})
    assert found.status_code == 401 and "signed out" in found.text
    assert locked.engine.snapshot.version == CONTENT


def test_reading_changes_nothing_and_names_nobody(guest: Visitor, locked: Service) -> None:
    guest.sign_in(locked.database.add_key("a reader", READING))
    for path, fields in {
        "/new/add": {"item_id": "b903", "c:title": "Mine"},
        "/versions/change": {"do": "promote", "name": CLICKS},
    }.items():
        found = guest.post(path, "/new", **fields)
        assert found.status_code == 403 and "needs the scope admin" in found.text
    assert guest.http.get(f"/versions/confirm?name={CLICKS}").status_code == 403
    assert locked.engine.snapshot.version == CONTENT and locked.engine.snapshot.n_items == 68
    for path in ("/item?id=b003", "/item?id=b003&people=1", "/versions", "/"):
        text = guest.http.get(path).text
        assert "reader-" not in text and "/versions/confirm" not in text and 'value="random"' not in text
    preview = guest.post("/new", "/new", **{"c:title": "Storm and lighthouse"})
    text = guest.http.get(preview.headers["location"]).text
    assert "Near it" in text and "reader-" not in text
    listed = guest.post("/", "/", user="reader-07")
    assert 'class="card past"' not in guest.http.get(listed.headers["location"]).text
    anybody = guest.post("/", "/", do="random")
    assert "reader-" not in guest.http.get(anybody.headers["location"]).text


def test_a_revoked_key_ends_its_sessions_at_once(guest: Visitor, locked: Service) -> None:
    guest.sign_in(locked.database.add_key("short-lived", READING))
    assert guest.http.get("/").status_code == 200
    known = locked.database.keys()
    [key] = [key for key in known if key.name == "short-lived"]
    locked.database.revoke_key(key.id)
    assert guest.http.get("/").status_code == 303


def test_a_session_cannot_be_guessed_or_chosen(locked: Service) -> None:
    for cookie in ("", "x", "1", "../x", "a" * 5000):
        with Visitor(locked, cookies={SESSION: cookie}) as one:
            assert one.http.get("/").status_code == 303


def test_the_cookie_is_for_https_where_that_is_spoken(published: Path, tmp_path: Path) -> None:
    with running(published, tmp_path, keys=True, proxied=True) as service, Visitor(service) as guest:
        behind = {"x-forwarded-proto": "https"}
        page = guest.http.get("/signin", headers=behind)
        assert "Secure" in page.headers["set-cookie"]


def test_every_cookie_is_secure_behind_a_proxy_that_was_declared(published: Path, tmp_path: Path) -> None:
    """Whatever the proxy says of the request: it may say nothing."""
    with running(published, tmp_path, keys=True) as service, Visitor(service) as guest:
        service.explorer.secure = True
        guest.http.headers["x-forwarded-proto"] = "http"
        secret = service.database.add_key("a reader", READING)
        page = guest.http.get("/signin")
        token = re.search(r'name="token" value="(\w+)"', page.text).group(1)
        visitor = {"cookie": page.headers["set-cookie"].partition(";")[0]}
        entered = guest.http.post("/signin", data={"token": token, "key": secret}, headers=visitor)
        assert entered.status_code == 303
        assert all("Secure" in found.headers["set-cookie"] for found in (page, entered))


def test_a_first_key_closes_a_service_that_was_open(published: Path, tmp_path: Path) -> None:
    with running(published, tmp_path, keys=None) as service, Visitor(service) as guest:
        assert guest.http.get("/").status_code == 200
        service.database.add_key("the first", READING)
        assert guest.http.get("/").status_code == 303
        [key] = service.database.keys()
        service.database.revoke_key(key.id)
        assert guest.http.get("/").status_code == 303, "revoking the last key opens nothing"
