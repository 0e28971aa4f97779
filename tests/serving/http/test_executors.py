"""Bounded executors: concurrency, queues, deadlines, fair turns, work that stops."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from http_service import LittleEngine, Service, wait_for
from serving.http.cases import LIST, later
from starlette.types import Message

from sidelight.serving.fair_turns import Stopped, Turn, checkpoint, taking
from sidelight.serving.http.executors import BoundedExecutor, ClientGoneError
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.problems import Problem


def endless(seen: list[str]) -> None:
    """Work that ends only at a checkpoint."""
    try:
        for _ in range(2000):
            checkpoint()
            time.sleep(0.005)
        seen.append("ended by itself")
    except Stopped:
        seen.append("stopped")
        raise


def test_callers_take_turns() -> None:
    order: list[str] = []

    async def main() -> None:
        gate, first = BoundedExecutor("test", 1, 20), threading.Event()
        runs = [asyncio.ensure_future(gate.run(lambda: first.wait(5), later(), "many"))]
        await asyncio.sleep(0.05)
        for caller in [*["many"] * 5, "one"]:
            runs.append(
                asyncio.ensure_future(gate.run(lambda caller=caller: order.append(caller), later(), caller))
            )
            await asyncio.sleep(0)
        first.set()
        await asyncio.gather(*runs)
        gate.close()

    asyncio.run(main())
    assert order.index("one") <= 1 and len(order) == 6


def test_one_caller_has_so_much_and_always_one_piece() -> None:
    async def main() -> list[Any]:
        gate, hold = BoundedExecutor("test", 4, 20, each=3.0), threading.Event()
        given = [("a", 2.0), ("a", 2.0), ("a", 1.0), ("b", 9.0), ("b", 0.5), (None, 9.0), (None, 9.0)]
        runs = [asyncio.ensure_future(gate.run(lambda: hold.wait(5), later(), *each)) for each in given]
        await asyncio.sleep(0.1)
        hold.set()
        found = await asyncio.gather(*runs, return_exceptions=True)
        assert gate.held == 0
        assert await gate.run(lambda: "again", later(), "a", 3.0) == "again"
        gate.close()
        return [each.status if isinstance(each, Problem) else each for each in found]

    assert asyncio.run(main()) == [True, 429, True, True, 429, True, True]


@pytest.mark.parametrize("how", ["deadline", "client", "closing", "cancelled"])
def test_work_stops_when_nobody_waits(how: str) -> None:
    seen: list[str] = []

    async def receive() -> Message:
        await asyncio.sleep(0.05 if how == "client" else 60)
        return {"type": "http.disconnect"}

    async def main() -> None:
        gate = BoundedExecutor("test", 1, 5)
        until = later(0.05 if how == "deadline" else 30)
        running = asyncio.ensure_future(gate.run(lambda: endless(seen), until, "a", 1.0, receive))
        waits = asyncio.ensure_future(gate.run(lambda: seen.append("began"), until, "a", 1.0, receive))
        await asyncio.sleep(0.03)
        if how == "closing":
            gate.close()
        if how == "cancelled":
            running.cancel(), waits.cancel()
        found = await asyncio.gather(running, waits, return_exceptions=True)
        kinds = {"client": ClientGoneError, "cancelled": asyncio.CancelledError}
        assert isinstance(found[0], kinds.get(how, Problem))
        for _ in range(200):
            if not gate.held:
                break
            await asyncio.sleep(0.01)
        assert gate.held == 0
        gate.close()

    asyncio.run(main())
    assert seen == ["stopped"]


def test_long_work_lets_short_work_go_first_and_ends_all_the_same() -> None:
    busy = True
    turn = Turn(later(20), lambda: busy)
    start = time.monotonic()
    with taking(turn):
        for _ in range(20):
            until = time.monotonic() + 0.002
            while time.monotonic() < until:
                pass
            checkpoint()
        rested = time.monotonic() - start - 20 * 0.002
        busy = False
    assert rested > 0.01  # about as long as it worked
    assert time.monotonic() - start < 10


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
