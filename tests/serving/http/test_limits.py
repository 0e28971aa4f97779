"""Limits of time and memory: bodies while they arrive, threads, queues, deadlines."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from http_service import LittleEngine, Service, wait_for
from starlette.types import Message

from sidelight.serving.http.body_buffers import BodyBuffers
from sidelight.serving.http.executors import BoundedExecutor, ClientGoneError
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.problems import Problem

LIST = {"user": "u1", "k": 3}


@pytest.fixture
def narrow(make: Callable[..., Service]) -> Service:
    """Two at a time, one may wait."""
    options = HttpOptions(explorer=False, rate=0, concurrency=2, queue=1, deadline=5.0, most_body=2000)
    return make(options)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as made:
        yield made


def test_so_many_at_a_time_so_many_wait_the_others_are_refused(
    narrow: Service, pool: ThreadPoolExecutor
) -> None:
    engine: LittleEngine = narrow.engine
    engine.hold.clear()
    asked = [pool.submit(narrow.send, "POST", "/v1/recommend", LIST) for _ in range(3)]
    gate = narrow.app.state.pools.executors["answer"]
    wait_for(lambda: engine.running == 2 and gate.waiting == 1)
    refused = [narrow.send("POST", "/v1/recommend", LIST) for _ in range(5)]
    assert {r.status_code for r in refused} == {503}
    assert all(int(r.headers["retry-after"]) >= 1 for r in refused)
    assert refused[0].json()["type"] == "urn:sidelight:problem:unavailable"
    # Who asks whether all is well never waits.
    for path in ("/healthz", "/readyz", "/metrics", "/v1/status"):
        assert narrow.send("GET", path).status_code == 200
    assert "sidelight_requests_waiting 1.0" in narrow.send("GET", "/metrics").text
    engine.hold.set()
    assert [a.result().status_code for a in asked] == [200] * 3
    assert engine.most_running == 2
    wait_for(lambda: gate.held == 0)
    assert narrow.send("POST", "/v1/recommend", LIST).status_code == 200


def test_what_takes_too_long_is_given_up(make: Callable[..., Service], pool: ThreadPoolExecutor) -> None:
    service = make(HttpOptions(explorer=False, concurrency=1, queue=5, deadline=0.1))
    service.engine.hold.clear()
    start = time.monotonic()
    asked = [pool.submit(service.send, "POST", "/v1/recommend", LIST) for _ in range(3)]
    found = [a.result() for a in asked]
    assert [r.status_code for r in found] == [503] * 3
    assert all("retry-after" in r.headers for r in found)
    assert time.monotonic() - start < 2
    # The thread that cannot be stopped keeps its place; what waited behind it is forgotten.
    assert service.app.state.pools.executors["answer"].held == 1
    service.engine.hold.set()
    wait_for(lambda: service.app.state.pools.executors["answer"].held == 0)
    assert service.send("POST", "/v1/recommend", LIST).status_code == 200
    assert service.engine.most_running == 1


def test_a_timeout_of_the_work_itself_is_no_deadline() -> None:
    async def main() -> None:
        gate = BoundedExecutor("test", 1, 1)

        def work() -> None:
            raise TimeoutError

        with pytest.raises(TimeoutError):
            await gate.run(work, time.monotonic() + 5)
        gate.close()
        with pytest.raises(Problem) as error:
            await gate.run(lambda: None, time.monotonic() + 5)
        assert error.value.status == 503
        assert gate.held == 0

    asyncio.run(main())


# Bodies --------------------------------------------------------------------------------------------


def pieces(*given: bytes, end: bool = True, pause: float = 0.0) -> Callable[[], Any]:
    """A channel that gives a body in pieces."""
    left = [{"type": "http.request", "body": b, "more_body": True} for b in given]
    if end:
        left[-1]["more_body"] = False

    async def receive() -> Message:
        await asyncio.sleep(pause)
        return left.pop(0) if left else {"type": "http.disconnect"}

    return receive


def read(
    receive: Callable[[], Any], announced: int | None = None, most: int = 100, seconds: float = 5
) -> Any:
    buffers = BodyBuffers(150)
    try:
        return asyncio.run(buffers.read(receive, announced, most, time.monotonic() + seconds))
    except Problem as problem:
        assert buffers.held == 0
        return problem.status
    except ClientGoneError:
        assert buffers.held == 0
        return "gone"


def test_a_body_is_read_up_to_its_limit_and_no_further() -> None:
    assert read(pieces(b"abc")) == b"abc"
    assert read(pieces(b"ab", b"", b"c")) == b"abc"
    assert read(pieces(b"x" * 100)) == b"x" * 100
    assert read(pieces(b"x" * 60, b"y" * 40, b"z")) == 413
    assert read(pieces(b"x"), announced=101) == 413
    assert read(pieces(b"x" * 60, end=False)) == "gone"
    assert read(pieces(b"x", b"y", b"z", pause=0.1), seconds=0.15) == 408


def test_endless_pieces_are_cut_off() -> None:
    taken = 0

    async def endless() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 10, "more_body": True}

    assert read(endless) == 413
    assert taken == 11


def test_all_bodies_together_have_a_limit_as_well() -> None:
    buffers = BodyBuffers(150)

    async def one(receive: Callable[[], Any]) -> Any:
        try:
            body = await buffers.read(receive, None, 100, time.monotonic() + 5)
        except Problem as problem:
            return problem.status
        await asyncio.sleep(0.05)
        buffers.release(len(body))
        return len(body)

    async def main() -> list[Any]:
        return await asyncio.gather(*(one(pieces(b"x" * 50, b"x" * 40, pause=0.01)) for _ in range(3)))

    found = asyncio.run(main())
    assert sorted(found) == [90, 503, 503]
    assert buffers.held == 0


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


def test_pages_are_bounded_too(make: Callable[..., Service]) -> None:
    service = make(HttpOptions(explorer=False, most_body=1000))

    async def echo(request: Any) -> Any:
        from starlette.responses import Response

        return Response(str(len(await request.body())))

    service.app.add_route("/page", echo, methods=["POST"])
    assert service.client.post("/page", content=b"x" * 1000).text == "1000"
    given = service.client.post("/page", content=iter([b"x" * 600, b"x" * 600]))
    assert (given.status_code, given.headers["content-type"]) == (413, "application/problem+json")
