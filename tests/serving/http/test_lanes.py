"""Lanes: short work never waits for long work, nobody takes the time of all, and work can be stopped."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from http_service import LittleEngine, Service, wait_for
from starlette.types import Message

from sidelight.serving.fair_turns import Stopped, Turn, TurnToken, checkpoint, cost, taking
from sidelight.serving.http import routes_admin
from sidelight.serving.http.body_buffers import BodyBuffers
from sidelight.serving.http.executors import BoundedExecutor, ClientGoneError
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.page_limits import limited
from sidelight.serving.http.problems import Problem
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.rules import Rules

LIST = {"user": "u1", "k": 3}


def later(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


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


# Costs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"k": 100}, {"k": 10, "explain": True}, {"k": 10, "rules": Rules(diversity=0.5)},
        {"k": 10, "explain": True, "history": tuple("abc"), "user": None},
    ],
)  # fmt: skip
def test_cost_grows_with_all_that_takes_time(more: dict[str, Any]) -> None:
    plain = RecommendRequest("u", k=10)
    dearer = RecommendRequest(**({"user": "u"} | more))
    assert 0 < cost([plain], 1000) < cost([dearer], 1000)
    assert cost([dearer] * 7, 1000) == pytest.approx(7 * cost([dearer], 1000))
    assert cost([dearer], 1_000_000) > cost([dearer], 1000)


DEAR = [
    {"k": 50, "explain": True},
    {"k": 50, "rules": {"diversity": 0.4}},
    {"k": 20, "explain": True, "rules": {"diversity": 0.4}},
]


@pytest.mark.parametrize("one", DEAR)
def test_what_costs_too_much_is_refused_before_work_and_what_the_refusal_names_is_accepted(
    make: Callable[..., Service], one: dict[str, Any]
) -> None:
    service = make(HttpOptions(explorer=False, rate=0, most_cost=200))
    service.engine.failure = AssertionError("work began")
    refused = service.send("POST", "/v1/recommend/batch", {"requests": [{"user": "u", **one}] * 30})
    assert refused.status_code == 422 and refused.json()["type"].endswith(":too-costly")
    said = refused.json()["detail"]
    fit = int(said.partition("send at most ")[2].split()[0])
    service.engine.failure = None
    good = service.send("POST", "/v1/recommend/batch", {"requests": [{"user": "u", **one}] * fit})
    assert good.status_code == 200 and len(good.json()["answers"]) == fit >= 1
    over = service.send("POST", "/v1/recommend/batch", {"requests": [{"user": "u", **one}] * (fit + 1)})
    assert over.status_code == 422


def test_one_list_that_costs_too_much_names_the_k_that_does_not(make: Callable[..., Service]) -> None:
    service = make(HttpOptions(explorer=False, rate=0, most_cost=200))
    refused = service.send("POST", "/v1/recommend", {"user": "u", "k": 1000, "explain": True})
    k = int(refused.json()["detail"].partition("k of at most ")[2].rstrip(",").split(",")[0])
    for length, status in ((k, 200), (1000, 422)):
        body = {"user": "u", "k": length, "explain": True}
        assert service.send("POST", "/v1/recommend", body).status_code == status


# Lanes ---------------------------------------------------------------------------------------------


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


# Stopping ------------------------------------------------------------------------------------------


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


def test_checkpoints_outside_of_requests_do_nothing() -> None:
    checkpoint()


# Readiness, bodies, pages --------------------------------------------------------------------------


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


def test_bodies_of_one_caller_leave_room_for_those_of_others() -> None:
    def slow(size: int) -> Callable[[], Any]:
        left = [{"type": "http.request", "body": b"x" * size, "more_body": True}]

        async def receive() -> Message:
            if not left:
                await asyncio.sleep(0.3)
                return {"type": "http.request", "body": b"", "more_body": False}
            return left.pop()

        return receive

    async def main() -> list[Any]:
        buffers = BodyBuffers(400)
        given = [("a", 60), ("a", 60), ("a", 30), ("b", 60), (None, 60)]
        found = await asyncio.gather(
            *(buffers.read(slow(size), None, 100, later(), caller) for caller, size in given),
            return_exceptions=True,
        )
        return [each.status if isinstance(each, Problem) else len(each) for each in found]

    assert asyncio.run(main()) == [60, 429, 30, 60, 60]


def test_a_form_that_never_comes_is_given_up(make: Callable[..., Service]) -> None:
    room = make(HttpOptions(explorer=False, deadline=0.1)).app.state.pools

    async def receive() -> Message:
        await asyncio.sleep(60)
        raise AssertionError

    async def main() -> Any:
        request = SimpleNamespace(method="POST", receive=receive)
        route = SimpleNamespace(lane="side", cost=1.0)
        return await limited(room)(request, route, "guest", lambda body: None)  # type: ignore[arg-type]

    start = time.monotonic()
    found = asyncio.run(main())
    assert (found.status_code, found.headers["connection"]) == (408, "close")
    assert time.monotonic() - start < 3 and room.buffers.held == 0


# One after the other -------------------------------------------------------------------------------


def test_a_baton_goes_to_who_has_waited_longest_and_comes_back() -> None:
    baton, order = TurnToken(), []
    baton.take(later())
    threads = []
    for name in "abc":
        waits = len(threads)

        def work(name: str = name) -> None:
            baton.take(later())
            order.append(name)
            baton.give()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        wait_for(lambda waits=waits: len(baton._waiting) == waits + 1)
    assert baton.wanted and not order
    baton.give()
    for each in threads:
        each.join(5)
    assert order == list("abc") and not baton.wanted
    baton.take(later(0.1))  # nobody has it any more


def test_who_waits_for_a_baton_too_long_gives_up_and_does_not_get_it_later() -> None:
    baton = TurnToken()
    baton.take(later())
    with pytest.raises(Stopped):
        baton.take(later(0.01))
    baton.give()
    baton.take(later(0.1))


def test_long_pieces_of_work_go_on_one_at_a_time_and_in_turn() -> None:
    baton, together, at_work, seen = TurnToken(), threading.Barrier(2), [0], []

    def work(name: str) -> None:
        together.wait(5)
        with taking(Turn(later(), baton=baton)):
            for _ in range(20):
                at_work[0] += 1
                assert at_work[0] == 1
                time.sleep(0.002)
                seen.append(name)
                at_work[0] -= 1
                checkpoint()

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for each in threads:
        each.start()
    for each in threads:
        each.join(10)
    assert sorted(seen) == ["a"] * 20 + ["b"] * 20
    assert sum(one != other for one, other in itertools.pairwise(seen)) > 10
    baton.take(later(0.1))


def test_work_that_fails_or_is_stopped_gives_the_baton_on() -> None:
    baton = TurnToken()
    for error in (ValueError, Stopped):
        with pytest.raises(error), taking(Turn(later(), baton=baton)):
            raise error
    with pytest.raises(Stopped), taking(Turn(later(-1), baton=baton)):
        raise AssertionError("it began")
    baton.take(later(0.1))
