"""Of a request nothing stays that only the collector finds, and the files are open before it comes."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from http_service import Service, wait_for
from served import no_collector, open_files

from sidelight.serving.database.connections import POOL
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.http import server
from sidelight.serving.http.endpoint import RequestState
from sidelight.serving.http.http_options import HttpOptions


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


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell")
def test_the_files_of_the_database_are_open_before_the_first_request(
    shop_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "service.sqlite", []

    def look(server: Any, sockets: Any) -> None:
        seen.append([each.name for each in open_files()].count(path.name))

    monkeypatch.setattr(server.GracefulServer, "run", look)
    monkeypatch.setattr(server, "configure", lambda level: None)
    server.serve(
        shop_store, str(path), HttpOptions(port=0), EngineOptions(), init=True, say=lambda said: None
    )
    assert seen == [POOL]
