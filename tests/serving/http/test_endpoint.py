"""Endpoints: bodies within limits, short work beside long work, clients that leave."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from http_service import Service, wait_for
from serving.http.cases import LIST, later, pieces
from starlette.types import Message

from sidelight.serving.http.http_options import HttpOptions


def test_a_form_of_another_site_cannot_send_a_body(service: Service) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        given = service.send("POST", "/v1/forget", {"user": "u"}, headers={"Content-Type": kind})
        assert given.status_code == 415
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    given = service.send("OPTIONS", "/v1/forget", headers=preflight)
    assert given.status_code == 405
    assert not [name for name in given.headers if name.startswith("access-control")]


def test_short_lists_go_on_while_long_ones_take_all_they_may(make: Callable[..., Service]) -> None:
    service = make(
        HttpOptions(explorer=False, rate=0, concurrency=2),
        keys={"a": ["read", "history"], "b": ["read", "history"]},
    )
    gates, stop = service.app.state.pools.executors, threading.Event()
    asked = {"requests": [{"user": "u", "k": 50, "explain": True}] * 40}
    dearest = service.app.state.options.most_cost

    async def fill() -> None:
        await asyncio.gather(
            *(gates["heavy"].run(lambda: stop.wait(10), later(10), n, dearest) for n in "xy")
        )

    filling = threading.Thread(target=asyncio.run, args=(fill(),))
    filling.start()
    wait_for(lambda: gates["heavy"].held == 2)
    sent: list[Any] = []
    batch = threading.Thread(
        target=lambda: sent.append(service.send("POST", "/v1/recommend/batch", asked, "a"))
    )
    batch.start()
    wait_for(lambda: gates["heavy"].held == 3)
    for key in "ab":
        assert service.send("POST", "/v1/recommend", LIST, key).status_code == 200
    for path in ("/healthz", "/readyz"):
        assert service.send("GET", path).status_code == 200
    # The key that has a batch at work may not send another one; the others may.
    again = service.send("POST", "/v1/recommend/batch", asked, "a")
    assert (again.status_code, int(again.headers["retry-after"]) >= 1) == (429, True)
    stop.set()
    batch.join(10)
    filling.join(10)
    assert sent[0].status_code == 200
    assert service.send("POST", "/v1/recommend/batch", asked, "a").status_code == 200


def test_a_body_without_a_length(narrow: Service) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        yield b'{"user": "'
        for _ in range(size):
            yield b"u" * 10
        yield b'"}'

    headers = {"Content-Type": "application/json"}
    good = narrow.client.post("/v1/recommend", content=chunks(20), headers=headers)
    assert good.status_code == 200
    large = narrow.client.post("/v1/recommend", content=chunks(1000), headers=headers)
    assert (large.status_code, large.headers["connection"]) == (413, "close")
    assert narrow.app.state.pools.buffers.held == 0


def test_a_body_of_exactly_the_limit(narrow: Service) -> None:
    body = json.dumps(LIST).encode().ljust(2000)
    assert narrow.send("POST", "/v1/recommend", body).status_code == 200
    assert narrow.send("POST", "/v1/recommend", body + b" ").status_code == 413


def test_items_may_be_larger(narrow: Service) -> None:
    items = [{"item_id": f"n{n}", "title": "x" * 100} for n in range(40)]
    assert narrow.send("PUT", "/v1/items", {"items": items}).status_code == 200


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"0x10", b"9" * 30, b"", b" 5", b"+5"])
def test_lengths_that_are_none(narrow: Service, length: bytes) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": length}
    given = narrow.client.post("/v1/recommend", content=iter([b"{}"]), headers=headers)
    assert given.status_code in (400, 413, 422)


def test_nobody_waits_for_the_answer(service: Service) -> None:
    """A client that goes away is no error of ours."""
    scope = {
        "type": "http", "method": "POST", "path": "/v1/recommend", "raw_path": b"/v1/recommend",
        "query_string": b"", "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http", "http_version": "1.1",
        "root_path": "", "asgi": {"version": "3.0"},
    }  # fmt: skip
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(service.app(scope, pieces(b'{"us', end=False), send))
    assert sent == []
    assert (service.lines[-1]["status"], service.lines[-1]["level"]) == (499, "info")
