"""Metrics: counts, versions, and labels that do not grow."""

from __future__ import annotations

import re
from collections.abc import Callable

from http_service import Service
from prometheus_client.parser import text_string_to_metric_families

from sidelight.serving.http.openapi import ENTRIES
from sidelight.serving.responses import Drift, Status


def figures(service: Service) -> dict[str, float]:
    """Samples by name and labels."""
    text = service.send("GET", "/metrics").text
    return {
        sample.name
        + "".join(f"|{k}={v}" for k, v in sorted(sample.labels.items()) if k != "le"): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_what_is_counted(make: Callable[..., Service]) -> None:
    service = make()
    for user in ("u1", "u2", "nobody"):
        service.send("POST", "/v1/recommend", {"user": user, "k": 4})
    service.send("POST", "/v1/recommend", {"user": "u", "k": 2, "rules": {"floor": 0.5}})
    service.send("POST", "/v1/recommend", {})
    event = {"user": "u", "item": "i01", "kind": "view"}
    service.send("POST", "/v1/events", {"events": [event, event]})
    service.send("PUT", "/v1/items", {"items": [{"item_id": "n", "title": "t"}]})
    service.send("GET", "/nope/1")
    service.send("GET", "/nope/2")
    found = figures(service)
    assert found["sidelight_request_seconds_count|route=/v1/recommend|status=200"] == 4
    assert found["sidelight_request_seconds_count|route=/v1/recommend|status=422"] == 1
    assert found["sidelight_request_seconds_count|route=(none)|status=404"] == 2
    assert found["sidelight_answer_seconds_count"] == 4
    assert found["sidelight_slots_total|kind=new"] + found["sidelight_slots_total|kind=warm"] == 14
    assert found["sidelight_slots_total|kind=new"] == 7
    assert found["sidelight_fallback_answers_total"] == 1
    assert found["sidelight_rule_cost_count"] == 1
    assert found["sidelight_events_stored_total"] == 2
    assert found["sidelight_items_accepted_total"] == 1
    assert found["sidelight_requests_in_flight"] == 1  # the scrape itself
    assert found["sidelight_requests_waiting"] == 0
    assert found["sidelight_new_share"] == 0.5
    assert found["sidelight_version_info|version=v1"] == 1
    assert found["sidelight_events_dropped_total"] == 0


def test_versions_that_came_and_that_were_refused(make: Callable[..., Service]) -> None:
    service = make()
    assert figures(service)["sidelight_reloads_total|result=ok"] == 0
    service.engine.version = "v2"
    found = figures(service)
    assert found["sidelight_reloads_total|result=ok"] == 1
    assert found["sidelight_version_info|version=v2"] == 1
    assert "sidelight_version_info|version=v1" not in found  # one at a time, however many there were
    status = service.engine.status

    def troubled() -> Status:
        return Status(**{**vars(status()), "refused": "v3 is damaged", "drift": Drift(scores=0.3)})

    service.engine.status = troubled
    found = figures(service)
    assert found["sidelight_reloads_total|result=refused"] == 1
    assert found["sidelight_drift|of=scores"] == 0.3
    assert "sidelight_drift|of=history_length" not in found
    assert figures(service)["sidelight_reloads_total|result=refused"] == 1


def test_labels_do_not_grow(service: Service) -> None:
    for n in range(50):
        service.send("GET", f"/v1/{n}?user={n}")
        service.send("POST", "/v1/recommend", {"user": f"user-{n}", "history": None})
        service.send("POST", "/v1/similar", {"item": f"item-{n}"})
        service.send(f"M{n}", "/v1/items")
    found = figures(service)
    routes = {m.group(1) for name in found if (m := re.search(r"route=([^|]*)", name))}
    assert routes <= {entry.path for entry in ENTRIES} | {"(none)", "/openapi.json"}
    assert {name.split("|")[1].split("=")[0] for name in found if "|" in name} <= {
        "route", "kind", "result", "version", "of",
    }  # fmt: skip


def test_two_apps_count_for_themselves(make: Callable[..., Service]) -> None:
    first, second = make(), make()
    first.send("POST", "/v1/recommend", {"user": "u"})
    assert figures(first)["sidelight_answer_seconds_count"] == 1
    assert figures(second)["sidelight_answer_seconds_count"] == 0


def test_a_real_engine_fills_them(real: Callable[..., Service]) -> None:
    service = real()
    for n in range(3):
        service.send("POST", "/v1/recommend", {"user": f"u{n:02d}", "k": 10})
    found = figures(service)
    assert found["sidelight_items"] == 80
    assert found["sidelight_slots_total|kind=new"] + found["sidelight_slots_total|kind=warm"] == 30
    assert found["sidelight_version_info|version=content"] == 1
