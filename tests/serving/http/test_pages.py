"""The explorer's pages inside the service: its headers, its routes in log and metrics, its keys."""

from __future__ import annotations

from collections.abc import Callable

from http_service import Service

from sidelight.serving.http.http_options import HttpOptions

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
