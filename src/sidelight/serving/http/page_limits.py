"""Limits of the service for the explorer's pages: bodies in its buffers, work in its executors."""

from __future__ import annotations

import time
from collections.abc import Hashable

from starlette.requests import Request
from starlette.responses import Response

from sidelight.serving.explorer.forms import MOST_BYTES
from sidelight.serving.explorer.page_request import HEADERS
from sidelight.serving.explorer.page_routes import PageRoute, Run, Work
from sidelight.serving.http.endpoint import WorkerPools
from sidelight.serving.http.problems import Problem


def limited(pools: WorkerPools) -> Run:
    """Return the function that runs the work of pages in worker pools; refusals are plain text."""

    async def read(request: Request, until: float, caller: Hashable) -> bytes | None:
        if request.method != "POST":
            return b""
        try:
            return await pools.buffers.read(request.receive, None, MOST_BYTES, until, caller)
        except Problem as problem:
            if problem.status != 413:
                raise
            return None  # the page itself tells the largest size of a form

    async def run(request: Request, route: PageRoute, caller: Hashable, work: Work) -> Response:
        until, heavy = time.monotonic() + pools.seconds(route.lane), route.lane == "heavy"
        weight, receive = (route.cost, request.receive) if heavy else (1.0, None)
        body: bytes | None = b""
        try:
            body = await read(request, until, caller)
            executor = pools.executors[route.lane]
            return await executor.run(lambda: work(body), until, caller, weight, receive)
        except Problem as problem:
            headers = {**HEADERS, **problem.headers}
            return Response(problem.detail, problem.status, headers, media_type="text/plain")
        finally:
            pools.buffers.release(len(body or b""), caller)

    return run
