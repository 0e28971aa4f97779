"""Cases that several test files of this folder share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from starlette.types import Message

from sidelight.serving.domain import SCOPES

KEYS = {name: [name] for name in SCOPES} | {"all": sorted(SCOPES)}


def later(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def pieces(*given: bytes, end: bool = True, pause: float = 0.0) -> Callable[[], Any]:
    """A channel that gives a body in pieces."""
    left = [{"type": "http.request", "body": b, "more_body": True} for b in given]
    if end:
        left[-1]["more_body"] = False

    async def receive() -> Message:
        await asyncio.sleep(pause)
        return left.pop(0) if left else {"type": "http.disconnect"}

    return receive


LIST = {"user": "u1", "k": 3}
