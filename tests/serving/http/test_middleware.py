"""Middleware: request ids, unknown paths and methods, protective headers, nothing left of a request."""

from __future__ import annotations

import gc
import re
from typing import Any

import pytest
from http_service import Service, wait_for
from served import no_collector

from sidelight.serving.http.endpoint import RequestState
from sidelight.serving.http.openapi import ENTRIES


def test_the_name_of_a_list_is_the_name_of_its_request(service: Service) -> None:
    given = service.send("POST", "/v1/recommend", {"user": "u1"})
    assert given.headers["x-request-id"] == given.json()["request_id"] == service.lines[-1]["request_id"]
    refused = service.send("POST", "/v1/recommend", {})
    assert refused.headers["x-request-id"] == refused.json()["request_id"] == service.lines[-1]["request_id"]


def test_a_request_id_of_the_sender_is_not_taken_over(service: Service) -> None:
    given = service.send("GET", "/healthz", headers={"X-Request-ID": "mine"})
    assert re.fullmatch("[0-9a-f]{32}", given.headers["x-request-id"])


def test_methods_and_paths(service: Service) -> None:
    for entry in ENTRIES:
        others = {e.method for e in ENTRIES if e.path == entry.path}
        others |= {"HEAD"} if "GET" in others else set()
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"} - others:
            given = service.send(method, entry.path)
            assert given.status_code == 405, (method, entry.path)
            assert given.headers["allow"] == ", ".join(sorted(others))
    for path in (
        "/v1",
        "/v1/recommend/",
        "/v1/nothing",
        "/docs",
        "/redoc",
        "//v1/recommend",
        "/v1/%72ecommend/x",
    ):
        given = service.send("POST", path)
        assert (given.status_code, given.headers["content-type"]) == (404, "application/problem+json"), path


def test_what_protects_stands_on_every_answer(service: Service) -> None:
    for given in (
        service.send("GET", "/healthz"),
        service.send("GET", "/nope"),
        service.send("PUT", "/v1/items"),
    ):
        headers = given.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_takes_head(keyed: Service, path: str) -> None:
    found, given = keyed.send("GET", path), keyed.send("HEAD", path)
    assert given.status_code == 200 and given.content == b""
    assert given.headers["content-length"] == found.headers["content-length"]
    assert keyed.send("HEAD", "/v1/status").status_code == 401
    refused = keyed.send("HEAD", "/v1/forget")
    assert refused.status_code == 405 and refused.headers["allow"] == "POST" and refused.content == b""


def calls() -> list[RequestState]:
    """Every call that is alive in this process."""
    return [each for each in gc.get_objects() if type(each) is RequestState]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/recommend", {"user": "u"}, 200),
        ("POST", "/v1/recommend", {"usr": "u"}, 422),
        ("POST", "/v1/recommend", b"{", 400),
        ("POST", "/v1/similar", {"item": "nobody"}, 404),
        ("GET", "/v1/recommend", None, 405),
        ("GET", "/nowhere", None, 404),
    ],
)
def test_a_request_that_was_answered_is_gone(
    service: Service, method: str, path: str, body: Any, status: int
) -> None:
    with no_collector():
        others = calls()  # of services of other tests, whose connections are still open
        assert service.send(method, path, body).status_code == status
        # The answer is there a moment before its call has ended; a circle would stay for good.
        wait_for(lambda: all(any(each is other for other in others) for each in calls()))
