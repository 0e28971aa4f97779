"""Memory limits of request bodies: per body, per caller, and for all together."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Hashable
from typing import Any

from sidelight.serving.http.executors import ClientGoneError, Receive
from sidelight.serving.http.problems import Problem, busy, retry


class BodyBuffers:
    """Reader of bodies within limits: per body, per caller, and for all together.

    Args:
        most: Bytes of all bodies together; a caller may have a quarter, or one body.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._own: Counter[Hashable] = Counter()
        self.held = 0

    async def read(
        self, receive: Receive, announced: int | None, most: int, until: float, caller: Hashable = None
    ) -> bytes:
        """Read one body. Its bytes are held until `release` is called with their number.

        Args:
            receive: Channel of the request.
            announced: Its Content-Length, None without.
            most: Most bytes of the body.
            until: `time.monotonic()` at which the client is too slow.
            caller: Caller whose limit counts; None without one.

        Raises:
            Problem: 413, 408, 429 where a caller sends too much at a time, or 503 where all do.
            ClientGoneError: The client has left.
        """
        if announced is not None and announced > most:
            raise too_large(most)
        body, size = bytearray(), 0  # one buffer: a list of single bytes would take 40 times their size
        try:
            async with asyncio.timeout(until - time.monotonic()):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGoneError
                    piece = message.get("body", b"")
                    size += len(piece)
                    self.hold(len(piece), caller)
                    if size > most:
                        raise too_large(most)
                    if caller is not None and self._own[caller] > max(self._most / 4, size):
                        detail = "this key sends too much at the same time; send it again later"
                        raise Problem(429, detail, headers=retry(1.0) | {"Connection": "close"})
                    if self.held > self._most:
                        raise busy("too much is being sent at the same time; send it again later")
                    if not message.get("more_body", False):
                        return bytes(body + piece) if body else piece
                    body += piece
        except TimeoutError:
            self.hold(-size, caller)
            raise Problem(408, "the body took too long to arrive", headers={"Connection": "close"}) from None
        except BaseException:
            self.hold(-size, caller)
            raise

    def release(self, size: int, caller: Hashable = None) -> None:
        """Release the bytes of a body."""
        self.hold(-size, caller)

    def hold(self, size: int, caller: Hashable) -> None:
        """Add to the bytes that a caller holds; a negative number removes."""
        self.held += size
        self._own[caller] += size
        if not self._own[caller]:
            del self._own[caller]


def too_large(most: int) -> Problem:
    """Return a 413 that tells the limit."""
    detail = f"expected a body of at most {most:,} bytes; found more; send it in parts"
    return Problem(413, detail, headers={"Connection": "close"})


def limit_bytes(receive: Receive, most: int) -> Receive:
    """Wrap a channel so that it fails after some bytes; for routes that read bodies themselves."""
    seen = 0

    async def counted() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise too_large(most)
        return message

    return counted
