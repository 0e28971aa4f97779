"""Endpoints for operators: rollback, readiness and health."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from http_service import LittleEngine, Service, wait_for
from serving.http.cases import LIST

from sidelight.serving.http import routes_admin
from sidelight.serving.http.http_options import HttpOptions


def test_rollback(service: Service) -> None:
    assert service.send("POST", "/v1/versions/rollback").status_code == 409
    assert service.send("POST", "/v1/versions/promote", {"name": "v2"}).json()["current"] is True
    back = service.send("POST", "/v1/versions/rollback")
    assert (back.status_code, back.json()["name"]) == (200, "v1")


def test_a_service_whose_lists_are_stuck_is_not_ready(
    make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes_admin, "PATIENCE", 0.1)
    service = make(HttpOptions(explorer=False, rate=0, concurrency=2))
    engine: LittleEngine = service.engine
    assert service.send("GET", "/readyz").status_code == 200
    engine.hold.clear()
    threads = [threading.Thread(target=service.send, args=("POST", "/v1/recommend", LIST)) for _ in range(2)]
    for each in threads:
        each.start()
    wait_for(lambda: service.send("GET", "/readyz").status_code == 503)
    assert service.send("GET", "/healthz").status_code == 200
    engine.hold.set()
    for each in threads:
        each.join()
    wait_for(lambda: service.send("GET", "/readyz").status_code == 200)


def test_a_stopping_service_is_not_ready_and_takes_nothing(make: Callable[..., Service]) -> None:
    service = make()
    service.app.state.health.stopping = True
    assert service.send("GET", "/readyz").status_code == 503
    assert service.send("GET", "/healthz").status_code == 200


def test_a_database_that_does_not_answer_is_not_ready(
    make: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sidelight.serving.http import routes_admin

    service, stuck = make(), threading.Event()
    monkeypatch.setattr(routes_admin, "PATIENCE", 0.05)
    monkeypatch.setattr(service.database, "ping", lambda: stuck.wait(10))
    assert service.send("GET", "/readyz").status_code == 503
    assert service.send("GET", "/healthz").status_code == 200
    stuck.set()
    wait_for(lambda: service.send("GET", "/readyz").status_code == 200)
