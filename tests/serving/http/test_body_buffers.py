"""Bodies in memory: per body, per caller and together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from http_service import Service
from serving.http.cases import later, pieces
from starlette.types import Message

from sidelight.serving.http.body_buffers import BodyBuffers
from sidelight.serving.http.executors import ClientGoneError
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.problems import Problem


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


def test_pages_are_bounded_too(make: Callable[..., Service]) -> None:
    service = make(HttpOptions(explorer=False, most_body=1000))

    async def echo(request: Any) -> Any:
        from starlette.responses import Response

        return Response(str(len(await request.body())))

    service.app.add_route("/page", echo, methods=["POST"])
    assert service.client.post("/page", content=b"x" * 1000).text == "1000"
    given = service.client.post("/page", content=iter([b"x" * 600, b"x" * 600]))
    assert (given.status_code, given.headers["content-type"]) == (413, "application/problem+json")
