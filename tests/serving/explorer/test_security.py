"""Who may see and change what: keys, sessions, tokens of forms, headers; asked as a browser would."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from serving.explorer.service import CLICKS, CONTENT, Service, running

from sidelight.serving.explorer import user_form
from sidelight.serving.explorer.forms import MOST_BYTES
from sidelight.serving.explorer.page_request import SESSION, VISITOR
from sidelight.serving.explorer.page_routes import ROUTES

PAGES = ("/", "/rules", "/catalogue", "/item?id=b003", "/pick?q=salt", "/new", "/versions", "/state")
READING = frozenset({"read"})
ADMIN = frozenset({"read", "admin"})


class Visitor:
    """A browser without a window: keeps cookies, follows nothing by itself."""

    def __init__(self, service: Service, **options: object) -> None:
        self.http = httpx.Client(base_url=service.base, **options)  # type: ignore[arg-type]

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def token(self, path: str = "/") -> str:
        found = re.search(r'name="token" value="(\w+)"', self.http.get(path).text)
        assert found, f"no form at {path}"
        return found.group(1)

    def post(self, path: str, token_from: str = "/", **fields: str) -> httpx.Response:
        return self.http.post(path, data={"token": self.token(token_from), **fields})

    def sign_in(self, secret: str) -> httpx.Response:
        return self.post("/signin", "/signin", key=secret)


@pytest.fixture
def open_(shared: Service) -> Iterator[Visitor]:
    """A visitor of a service without keys."""
    with Visitor(shared) as found:
        yield found


@pytest.fixture(scope="module")
def locked(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for keys."""
    folder = tmp_path_factory.mktemp("locked")
    store = Path(shutil.copytree(published, folder / "store"))
    with running(store, folder, keys=True) as found:
        yield found


@pytest.fixture
def guest(locked: Service) -> Iterator[Visitor]:
    """Somebody at the door of a service with keys."""
    with Visitor(locked) as found:
        yield found


# ---- Headers and files -----------------------------------------------------------------------------


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


# ---- Forms -----------------------------------------------------------------------------------------


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


# ---- Keys ------------------------------------------------------------------------------------------


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


def test_a_key_opens_the_pages_and_never_stands_anywhere(guest: Visitor, locked: Service) -> None:
    secret = locked.database.add_key("the editors", READING)
    found = guest.sign_in(secret)
    assert found.status_code == 303 and found.headers["location"] == "/"
    cookie = found.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION}=") and "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert secret not in cookie and "Secure" not in cookie
    page = guest.http.get("/")
    assert page.status_code == 200 and "the editors" in page.text and secret not in page.text
    assert guest.post("/", user="reader-07").is_redirect


def test_a_wrong_key_is_told_so_in_words(guest: Visitor, locked: Service) -> None:
    for secret in ("", "sl_" + "x" * 43, "x" * 10_000):
        found = guest.sign_in(secret)
        assert found.status_code == 403 and "not known here" in found.text
        assert SESSION not in found.headers.get("set-cookie", "")
    events_only = locked.database.add_key("the till", frozenset({"events"}))
    assert "may not read" in guest.sign_in(events_only).text


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


def test_reasons_of_a_stored_user_take_the_scope_history(guest: Visitor, locked: Service) -> None:
    for scopes, told in ((READING, False), (READING | {"history"}, True)):
        guest.sign_in(locked.database.add_key("one", scopes))
        text = guest.http.get(guest.post("/", "/", user="reader-07").headers["location"]).text
        assert ('class="why"' in text) is ('class="card past"' in text) is told
        sent = guest.post("/", "/", who="history", history="b003")
        assert guest.http.get(sent.headers["location"]).status_code == 200
        guest.post("/signout")


def test_anybody_is_never_somebody_who_may_not_be_looked_at(published: Path, tmp_path: Path) -> None:
    with running(published, tmp_path) as service:
        users = [str(u) for u in service.engine.snapshot.model.people.ids]
        for n, user in enumerate(users[1:]):
            service.engine.forget(user) if n % 2 else service.engine.set_consent(user, False)
        assert {user_form.random_user(service.engine) for _ in range(5)} == {users[0]}
        service.engine.forget(users[0])
        assert user_form.random_user(service.engine) == ""


def test_an_admin_may_retire_an_item_and_undo_it(guest: Visitor, locked: Service) -> None:
    guest.sign_in(locked.database.add_key("a reader", READING))
    assert guest.post("/item/retire", id="b003", do="retire").status_code == 403
    guest.post("/signout")
    guest.sign_in(locked.database.add_key("an admin", ADMIN))
    found = guest.post("/item/retire", id="b003", do="retire")
    assert found.is_redirect and locked.engine.retired() == ("b003",)
    assert "retired: in no list" in guest.http.get(found.headers["location"]).text
    assert "/item?id=b003" in guest.http.get("/catalogue").text
    assert guest.post("/item/retire", id="no-such", do="retire").status_code == 400
    guest.post("/item/retire", id="b003", do="restore")
    assert locked.engine.retired() == ()


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


def test_signing_out_ends_the_session_for_everybody_who_has_the_cookie(
    guest: Visitor, locked: Service
) -> None:
    guest.sign_in(locked.database.add_key("somebody", READING))
    cookie = guest.http.cookies[SESSION]
    left = guest.post("/signout")
    assert left.headers["location"] == "/signin" and SESSION not in guest.http.cookies
    with Visitor(locked, cookies={SESSION: cookie}) as again:
        assert again.http.get("/").status_code == 303


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


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil", "/nothing", "x"])
def test_signing_in_leads_to_our_own_pages_only(guest: Visitor, locked: Service, target: str) -> None:
    secret = locked.database.add_key("a traveller", READING)
    token = guest.token("/signin")
    found = guest.http.post("/signin", data={"token": token, "key": secret, "next": target})
    assert found.headers["location"] == "/"


def test_signing_in_leads_back_to_the_page_that_was_wanted(guest: Visitor, locked: Service) -> None:
    wanted = guest.http.get("/rules").headers["location"]
    assert wanted == "/signin?next=%2Frules"
    [target] = re.findall(r'name="next" value="([^"]+)"', guest.http.get(wanted).text)
    found = guest.post("/signin", "/signin", next=target, key=locked.database.add_key("back", READING))
    assert found.headers["location"] == "/rules"


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


# ---- Troubles --------------------------------------------------------------------------------------


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
