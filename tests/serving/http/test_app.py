"""The app: keys are decided by options and database, and pages stand beside the API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from http_service import Service

from sidelight.errors import SpecError
from sidelight.serving.database.database import Database
from sidelight.serving.http.app import decide_keys
from sidelight.serving.http.http_options import HttpOptions, is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "example.org", ""])
def test_beyond_this_machine_only_with_keys(tmp_path: Path, host: str) -> None:
    assert not is_loopback(host)
    with Database.open(str(tmp_path / "a.sqlite")) as database:
        for needed in (None, True, False):
            with pytest.raises(SpecError, match="expected a key, to be reached from other machines") as error:
                decide_keys(HttpOptions(host=host, require_keys=needed), database)
            assert "\n" not in str(error.value)
        database.add_key("first", ["read"])
        assert decide_keys(HttpOptions(host=host), database).require_keys is True
        with pytest.raises(SpecError):
            decide_keys(HttpOptions(host=host, require_keys=False), database)
        database.revoke_key(1)
        with pytest.raises(SpecError, match="found none that works"):
            decide_keys(HttpOptions(host=host), database)


@pytest.mark.parametrize("proxy", ["127.0.0.1", "10.0.0.0/8, ::1"])
def test_behind_a_proxy_only_with_keys(tmp_path: Path, proxy: str) -> None:
    """Whoever can reach the proxy reaches a service that listens to this machine alone."""
    with Database.open(str(tmp_path / "a.sqlite")) as database:
        with pytest.raises(SpecError, match="expected a key"):
            decide_keys(HttpOptions(proxy=proxy), database)
        database.add_key("first", ["read"])
        assert decide_keys(HttpOptions(proxy=proxy), database).require_keys is True
        with pytest.raises(SpecError):
            decide_keys(HttpOptions(proxy=proxy, require_keys=False), database)
    with pytest.raises(SpecError, match="expected addresses of proxies"):
        HttpOptions(proxy="nginx")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_on_this_machine_keys_are_asked_for_once_there_is_one(tmp_path: Path, host: str) -> None:
    with Database.open(str(tmp_path / "a.sqlite")) as database:
        assert decide_keys(HttpOptions(host=host), database).require_keys is None  # until there is one
        database.add_key("first", ["read"])
        assert decide_keys(HttpOptions(host=host), database).require_keys is True
        database.revoke_key(1)  # the last one: nothing opens
        assert decide_keys(HttpOptions(host=host), database).require_keys is True
        assert decide_keys(HttpOptions(host=host, require_keys=False), database).require_keys is False


PAGES = HttpOptions(rate=0, explorer=True)


def test_pages_stand_beside_the_api(real: Callable[..., Service]) -> None:
    service = real(PAGES)
    for path in ("/", "/rules", "/catalogue", "/new", "/versions", "/state"):
        given = service.send("GET", path)
        assert given.status_code == 200, (path, given.text[:500])
        assert given.headers["content-type"].startswith("text/html")
        policy = given.headers.get_list("content-security-policy")
        assert len(policy) == 1 and "script-src 'self'" in policy[0]  # its own, once
        assert given.headers["x-request-id"] == service.lines[-1]["request_id"]
        assert service.lines[-1]["route"] == path
    assert service.send("GET", "/static/explorer.css").status_code == 200
    assert service.lines[-1]["route"] == "/static/{name}"
    assert service.send("GET", "/static/none-such").status_code == 404
    assert service.lines[-1]["route"] == "/static/{name}"
    assert not [
        p
        for p in service.send("GET", "/openapi.json").json()["paths"]
        if not p.startswith(("/v1", "/h", "/r", "/m"))
    ]


def test_pages_ask_for_a_key_when_the_service_does(real: Callable[..., Service]) -> None:
    service = real(PAGES, keys={"shop": ["read"], "all": ["read", "events", "admin"]})
    given = service.send("GET", "/", follow_redirects=False)
    assert given.status_code in (302, 303)
    assert "/signin" in given.headers["location"]
    # A key of the API is no session, and a session is no key of the API.
    assert service.send("GET", "/", key="shop", follow_redirects=False).status_code in (302, 303)
    assert service.send("POST", "/v1/recommend", {"user": "u01"}).status_code == 401


def test_a_page_on_another_host_is_refused(real: Callable[..., Service]) -> None:
    service = real(PAGES)
    assert service.send("GET", "/", headers={"Host": "evil.example"}).status_code == 421


def test_without_pages_there_are_none(service: Service) -> None:
    assert service.send("GET", "/").status_code == 404
