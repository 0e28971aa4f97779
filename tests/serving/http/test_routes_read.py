"""Endpoints that change nothing: limits, costs, and histories behind a scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from http_service import Service

from sidelight.serving.http.http_options import HttpOptions


def test_an_item_that_nobody_knows(service: Service) -> None:
    for path, body in (("similar", {"item": "i99"}), ("explain", {"item": "i99", "user": "u"})):
        given = service.send("POST", f"/v1/{path}", body)
        assert (given.status_code, given.json()["type"]) == (404, "urn:sidelight:problem:unknown-item")


def test_limits_that_an_operator_lowered(make: Callable[..., Service]) -> None:
    from sidelight.serving.http.http_options import HttpOptions

    service = make(HttpOptions(explorer=False, max_k=5, max_history=2, max_ids=3, max_batch=1))
    for body in (
        {"user": "u", "k": 6},
        {"history": ["i01"] * 3},
        {"user": "u", "candidates": ["i01"] * 4},
    ):
        assert service.send("POST", "/v1/recommend", body).status_code == 422
    assert service.send("POST", "/v1/recommend/batch", {"requests": [{"user": "u"}] * 2}).status_code == 422
    assert service.send("POST", "/v1/recommend", {"user": "u", "k": 5}).status_code == 200


KEYS = {"read": ["read"], "both": ["read", "history"], "admin": ["read", "admin"]}


TELLING = [
    ("/v1/recommend", {"user": "u", "explain": True}),
    ("/v1/recommend", {"user": "u", "filter_seen": False}),
    ("/v1/recommend/batch", {"requests": [{"user": "w"}, {"user": "u", "filter_seen": False}]}),
    (
        "/v1/recommend/batch",
        {"requests": [{"history": ["i01"], "explain": True}, {"user": "u", "explain": True}]},
    ),
    ("/v1/explain", {"user": "u", "item": "i01"}),
]


SILENT = [
    ("/v1/recommend", {"user": "u"}),
    ("/v1/recommend", {"history": ["i01"], "explain": True, "filter_seen": False}),
    ("/v1/explain", {"history": ["i01"], "item": "i02"}),
]


@pytest.mark.parametrize(("path", "body"), TELLING)
def test_what_tells_a_stored_history_takes_a_scope_of_its_own(
    make: Callable[..., Service], path: str, body: dict[str, Any]
) -> None:
    service = make(keys=KEYS)
    for key in ("read", "admin"):
        given = service.send("POST", path, body, key=key)
        assert given.status_code == 403 and 'scope="history"' in given.headers["www-authenticate"]
    assert service.send("POST", path, body, key="both").status_code == 200


@pytest.mark.parametrize(("path", "body"), SILENT)
def test_a_history_that_is_sent_along_is_the_callers_own(
    make: Callable[..., Service], path: str, body: dict[str, Any]
) -> None:
    assert make(keys=KEYS).send("POST", path, body, key="read").status_code == 200


def test_without_keys_everything_is_open(make: Callable[..., Service]) -> None:
    for path, body in TELLING + SILENT:
        assert make().send("POST", path, body).status_code == 200


DEAR = [
    {"k": 50, "explain": True},
    {"k": 50, "rules": {"diversity": 0.4}},
    {"k": 20, "explain": True, "rules": {"diversity": 0.4}},
]


@pytest.mark.parametrize("one", DEAR)
def test_what_costs_too_much_is_refused_before_work_and_what_the_refusal_names_is_accepted(
    make: Callable[..., Service], one: dict[str, Any]
) -> None:
    service = make(HttpOptions(explorer=False, rate=0, most_cost=200))
    service.engine.failure = AssertionError("work began")
    refused = service.send("POST", "/v1/recommend/batch", {"requests": [{"user": "u", **one}] * 30})
    assert refused.status_code == 422 and refused.json()["type"].endswith(":too-costly")
    said = refused.json()["detail"]
    fit = int(said.partition("send at most ")[2].split()[0])
    service.engine.failure = None
    good = service.send("POST", "/v1/recommend/batch", {"requests": [{"user": "u", **one}] * fit})
    assert good.status_code == 200 and len(good.json()["answers"]) == fit >= 1
    over = service.send("POST", "/v1/recommend/batch", {"requests": [{"user": "u", **one}] * (fit + 1)})
    assert over.status_code == 422


def test_one_list_that_costs_too_much_names_the_k_that_does_not(make: Callable[..., Service]) -> None:
    service = make(HttpOptions(explorer=False, rate=0, most_cost=200))
    refused = service.send("POST", "/v1/recommend", {"user": "u", "k": 1000, "explain": True})
    k = int(refused.json()["detail"].partition("k of at most ")[2].rstrip(",").split(",")[0])
    for length, status in ((k, 200), (1000, 422)):
        body = {"user": "u", "k": length, "explain": True}
        assert service.send("POST", "/v1/recommend", body).status_code == status
