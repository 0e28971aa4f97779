"""Endpoints that store data: items, retired items, events, consent and deletion."""

from __future__ import annotations

from collections.abc import Callable

from http_service import Service


def test_items_come_and_are_found(service: Service) -> None:
    row = {"title": "folding spade", "brand": "a", "price": 3}
    receipt = service.send("PUT", "/v1/items?wait=2", {"items": [{"item_id": "x1", **row}]}).json()
    assert (receipt["accepted"], receipt["placed"]) == (1, True)
    assert service.send("GET", "/v1/items?q=folding").json()["items"][0]["item_id"] == "x1"
    got = service.send("POST", "/v1/items/get", {"items": ["x1", "nope", "x1"]}).json()
    assert ([i["item_id"] for i in got["items"]], got["unknown"]) == (["x1"], ["nope"])
    assert got["items"][0]["row"] == row  # 3 is still a whole number


def test_events_consent_and_forgetting(service: Service) -> None:
    events = [
        {"user": "u1", "item": "i01", "kind": kind} for kind in ("view", "click", "purchase", "dismissal")
    ]
    assert service.send("POST", "/v1/events", {"events": events}).json() == {"accepted": 4, "dropped": 0}
    assert service.send("PUT", "/v1/consent", {"user": "u1", "given": False}).json() == {"given": False}
    assert service.send("POST", "/v1/events", {"events": events}).json() == {"accepted": 0, "dropped": 4}
    assert service.send("POST", "/v1/forget", {"user": "u1"}).json() == {"deleted": 4}


def test_items_are_retired_and_restored(make: Callable[..., Service]) -> None:
    service = make()
    given = service.send("PUT", "/v1/items/retired", {"items": ["i01", "i99"]})
    assert given.json() == {"items": ["i01", "i99"], "changed": 2, "unknown": ["i99"]}
    assert service.send("GET", "/v1/items/retired").json()["items"] == ["i01", "i99"]
    given = service.send("PUT", "/v1/items/retired", {"items": ["i01"], "retired": False})
    assert (given.json()["items"], given.json()["changed"]) == (["i99"], 1)
    for wrong in ({"items": []}, {"items": ["a", 7]}, {"items": "i01"}, {"items": ["a"], "retired": "yes"}):
        assert service.send("PUT", "/v1/items/retired", wrong).status_code == 422
