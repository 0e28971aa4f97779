"""Pages of the explorer within the limits of the service: bodies in its buffers, work in its lanes."""

from __future__ import annotations

import time
from collections.abc import Hashable

from starlette.requests import Request
from starlette.responses import Response

from sidelight.serving.explorer.forms import MOST_BYTES
from sidelight.serving.explorer.handler import HEADERS, PageRoute
from sidelight.serving.explorer.page_routes import Run, Work
from sidelight.serving.http.endpoint import WorkerPools
from sidelight.serving.http.problems import Problem


def limited(room: WorkerPools) -> Run:
    """Run the work of pages in the lanes of a room; refusals are plain text."""

    async def body(request: Request, until: float, caller: Hashable) -> bytes | None:
        if request.method != "POST":
            return b""
        try:
            return await room.buffers.read(request.receive, None, MOST_BYTES, until, caller)
        except Problem as problem:
            if problem.status != 413:
                raise
            return None  # the page itself says how large a form may be

    async def run(request: Request, route: PageRoute, caller: Hashable, work: Work) -> Response:
        until, heavy = time.monotonic() + room.seconds(route.lane), route.lane == "heavy"
        sent: bytes | None = b""
        try:
            sent = await body(request, until, caller)
            return await room.gates[route.lane].run(
                lambda: work(sent),
                until,
                caller,
                route.cost if heavy else 1.0,
                request.receive if heavy else None,
            )
        except Problem as problem:
            headers = {**HEADERS, **problem.headers}
            return Response(problem.detail, problem.status, headers, media_type="text/plain")
        finally:
            room.buffers.release(len(sent or b""), caller)

    return run
