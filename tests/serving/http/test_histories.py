"""What a key without the scope `history` can learn of a stored user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from http_service import Service

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


def test_items_are_retired_and_restored(make: Callable[..., Service]) -> None:
    service = make()
    given = service.send("PUT", "/v1/items/retired", {"items": ["i01", "i99"]})
    assert given.json() == {"items": ["i01", "i99"], "changed": 2, "unknown": ["i99"]}
    assert service.send("GET", "/v1/items/retired").json()["items"] == ["i01", "i99"]
    given = service.send("PUT", "/v1/items/retired", {"items": ["i01"], "retired": False})
    assert (given.json()["items"], given.json()["changed"]) == (["i99"], 1)
    for wrong in ({"items": []}, {"items": ["a", 7]}, {"items": "i01"}, {"items": ["a"], "retired": "yes"}):
        assert service.send("PUT", "/v1/items/retired", wrong).status_code == 422
