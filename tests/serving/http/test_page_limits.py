"""Pages within the limits of the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from http_service import Service
from starlette.types import Message

from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.http.page_limits import limited


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
