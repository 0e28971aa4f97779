"""The process: sockets, and files that are open before the first request."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from served import open_files

from sidelight.serving.database.connections import POOL
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.http import server
from sidelight.serving.http.http_options import HttpOptions


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


def test_no_answer_waits_for_an_acknowledgement():
    """asyncio sets TCP_NODELAY on sockets that say they speak TCP, and on no others."""
    with server._bound(HttpOptions(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP
