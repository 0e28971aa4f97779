"""Every operation: what it takes, what it answers, and what the description says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from http_service import Service
from pydantic import TypeAdapter

from sidelight.serving.http.endpoint import Endpoint
from sidelight.serving.http.openapi import ENTRIES, ApiEntry

SAID = {entry.name: entry for entry in ENTRIES}
ANSWERED = {
    "promote": {"name": "v2"},
    "put_items": {"items": [{"item_id": "i81", "title": "folding spade", "brand": "a", "price": 19.5}]},
    "explain": {"item": "i07", "history": ["i01", "i05"], "k": 3},
    "audience": {"row": {"title": "folding spade"}, "k": 10},
}


def ask(service: Service, entry: ApiEntry, **more: Any) -> Any:
    body = ANSWERED.get(entry.name, entry.sends)
    return service.send(entry.method, entry.path, body, **more)


def held(service: Service, entry: ApiEntry, given: Any) -> None:
    """The answer is what the description says: no field more, none less."""
    assert given.headers["content-type"].startswith(entry.media.partition(";")[0])
    model = endpoints(service)[entry.name].response_model
    if model is not None:
        assert_fits(TypeAdapter(model), given.content)


def assert_fits(adapter: TypeAdapter[Any], content: bytes) -> None:
    read = adapter.validate_json(content, extra="forbid")
    assert json.loads(adapter.dump_json(read)) == json.loads(content)


def endpoints(service: Service) -> dict[str, Endpoint]:
    return {r.operation_id: r for r in service.app.routes if isinstance(r, Endpoint)}


@pytest.mark.parametrize("name", [name for name in SAID if name != "rollback"])
def test_each_operation_answers_as_described(service: Service, name: str) -> None:
    given = ask(service, SAID[name])
    assert given.status_code == 200, given.text
    held(service, SAID[name], given)


def test_each_operation_of_a_real_engine_answers_as_described(real: Callable[..., Service]) -> None:
    service = real()
    bodies = {
        "explain": {"item": "i07", "user": "u01"},
        "audience": {"row": {"title": "folding spade", "brand": "Fernhill"}},
        "put_items": {"items": [{"item_id": "i99", "title": "folding spade", "brand": "Fernhill"}]},
        "promote": {"name": "clicks"},
    }
    for entry in ENTRIES:
        given = service.send(entry.method, entry.path, bodies.get(entry.name, entry.sends))
        assert given.status_code == 200, (entry.name, given.text)
        held(service, entry, given)
    for path in ("recommend", "recommend/batch"):
        asked = {"user": "u02", "explain": True, "rules": {"floor": 0.3, "diversity": 0.2}}
        body = asked if path == "recommend" else {"requests": [asked, {"history": ["i01", "none"]}]}
        given = service.send("POST", f"/v1/{path}", body)
        held(service, next(each for each in ENTRIES if each.path == f"/v1/{path}"), given)


def test_rollback(service: Service) -> None:
    assert service.send("POST", "/v1/versions/rollback").status_code == 409
    assert service.send("POST", "/v1/versions/promote", {"name": "v2"}).json()["current"] is True
    back = service.send("POST", "/v1/versions/rollback")
    assert (back.status_code, back.json()["name"]) == (200, "v1")


def test_the_name_of_a_list_is_the_name_of_its_request(service: Service) -> None:
    given = service.send("POST", "/v1/recommend", {"user": "u1"})
    assert given.headers["x-request-id"] == given.json()["request_id"] == service.lines[-1]["request_id"]
    refused = service.send("POST", "/v1/recommend", {})
    assert refused.headers["x-request-id"] == refused.json()["request_id"] == service.lines[-1]["request_id"]


def test_a_request_id_of_the_sender_is_not_taken_over(service: Service) -> None:
    given = service.send("GET", "/healthz", headers={"X-Request-ID": "mine"})
    assert re.fullmatch("[0-9a-f]{32}", given.headers["x-request-id"])


def test_items_come_and_are_found(service: Service) -> None:
    row = {"title": "folding spade", "brand": "a", "price": 3}
    receipt = service.send("PUT", "/v1/items?wait=2", {"items": [{"item_id": "x1", **row}]}).json()
    assert (receipt["accepted"], receipt["placed"]) == (1, True)
    assert service.send("GET", "/v1/items?q=folding").json()["items"][0]["item_id"] == "x1"
    got = service.send("POST", "/v1/items/get", {"items": ["x1", "nope", "x1"]}).json()
    assert ([i["item_id"] for i in got["items"]], got["unknown"]) == (["x1"], ["nope"])
    assert got["items"][0]["row"] == row  # 3 is still a whole number


def test_an_item_that_nobody_knows(service: Service) -> None:
    for path, body in (("similar", {"item": "i99"}), ("explain", {"item": "i99", "user": "u"})):
        given = service.send("POST", f"/v1/{path}", body)
        assert (given.status_code, given.json()["type"]) == (404, "urn:sidelight:problem:unknown-item")


def test_events_consent_and_forgetting(service: Service) -> None:
    events = [
        {"user": "u1", "item": "i01", "kind": kind} for kind in ("view", "click", "purchase", "dismissal")
    ]
    assert service.send("POST", "/v1/events", {"events": events}).json() == {"accepted": 4, "dropped": 0}
    assert service.send("PUT", "/v1/consent", {"user": "u1", "given": False}).json() == {"given": False}
    assert service.send("POST", "/v1/events", {"events": events}).json() == {"accepted": 0, "dropped": 4}
    assert service.send("POST", "/v1/forget", {"user": "u1"}).json() == {"deleted": 4}


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


# The description -----------------------------------------------------------------------------------


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.send("GET", "/openapi.json").json()
    return found


def test_the_description_is_whole(document: dict[str, Any]) -> None:
    told = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(told) == {(e.method, e.path) for e in ENTRIES}
    for entry in ENTRIES:
        operation = told[entry.method, entry.path]
        assert operation["operationId"] == entry.name
        assert len(operation["description"]) > 10 and operation["summary"] == entry.summary
        assert operation["security"] == ([{"key": [entry.scope]}] if entry.scope else [])
        assert set(operation["responses"]) == {"200", *map(str, entry.statuses)}
        for status, said in operation["responses"].items():
            assert "X-Request-ID" in said["headers"]
            if status != "200":
                assert said["content"]["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(document["components"]["schemas"])
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])


def test_examples_are_what_is_taken_and_given(service: Service) -> None:
    from sidelight.serving.http import strict_json

    routes = endpoints(service)
    for entry in ENTRIES:
        if entry.sends is not None:
            assert routes[entry.name].body is not None
            strict_json.parse_body(json.dumps(entry.sends).encode(), routes[entry.name].body)
        model = routes[entry.name].response_model
        if model is not None and entry.example is not None:
            assert_fits(TypeAdapter(model), json.dumps(entry.example).encode())


def test_operation_ids_never_change() -> None:
    assert sorted(SAID) == [
        "add_events", "alive", "audience", "explain", "forget", "get_items", "list_retired", "list_versions",
        "metrics", "promote", "put_items", "ready", "recommend", "recommend_batch", "retire_items",
        "rollback", "search_items", "set_consent", "similar", "status",
    ]  # fmt: skip
