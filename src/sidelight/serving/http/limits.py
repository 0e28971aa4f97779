"""Limits of time and memory: bodies, buffers, threads, waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from sidelight.serving.http.problems import Problem, busy

T = TypeVar("T")
Receive = Callable[[], Awaitable[Any]]

PIECES: Final = 64  # bodies of full size that may be in memory at the same time


class Gone(Exception):
    """The client went away; nobody waits for an answer."""


class Gate:
    """Work in threads: so many at a time, so many waiting, each within its time.

    Work that is too slow is not stopped, as a thread cannot be; it keeps its place until it ends, so a
    service that is stuck refuses instead of piling up.

    Args:
        name: Of the threads.
        concurrency: Threads.
        queue: Pieces of work that may wait.
    """

    def __init__(self, name: str, concurrency: int, queue: int) -> None:
        self._name, self._concurrency, self._most = name, concurrency, concurrency + queue
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False
        self.held = 0
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How much work waits for a thread."""
        return max(0, self.held - self._concurrency)

    async def run(self, work: Callable[[], T], until: float) -> T:
        """What the work gives.

        Args:
            work: Called in a thread.
            until: `time.monotonic()` at which it is given up.

        Raises:
            Problem: 503, too many wait or the time is over.
        """
        with self._lock:
            if self.held >= self._most:
                raise busy("too many requests wait already; ask again a little later")
            self.held += 1
        try:
            future = self._threads().submit(work)
        except BaseException:
            self._release()
            raise
        future.add_done_callback(self._release)
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if future.done() and not future.cancelled():
                raise  # of the work itself
            raise busy("the answer took too long and was given up; ask again later", 2.0) from None
        finally:
            del future  # the error of the work holds this frame: a circle, if the frame held the error

    def _release(self, _: Future[Any] | None = None) -> None:
        with self._lock:
            self.held -= 1

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._closed:
                raise busy("the service is stopping")
            if self._pool is None:
                name = f"sidelight-{self._name}"
                self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix=name)
            return self._pool

    def open(self) -> None:
        """Take work again after `close`."""
        self._closed = False

    def close(self) -> None:
        """Take no more work and forget what waits; what runs goes on to its end."""
        with self._lock:
            self._closed, pool, self._pool = True, self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


class Buffers:
    """Bodies in memory: each up to its limit, all together up to another.

    Args:
        most: Bytes of all bodies together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    async def read(self, receive: Receive, announced: int | None, most: int, until: float) -> bytes:
        """One body. Its bytes are held until `release` is called with their number.

        Args:
            receive: Of the request.
            announced: Its Content-Length, None without.
            most: Bytes.
            until: `time.monotonic()` at which the sender is too slow.

        Raises:
            Problem: 413, 408, or 503 where all bodies together are too many.
            Gone: The client went away.
        """
        if announced is not None and announced > most:
            raise too_large(most)
        body, size = bytearray(), 0  # one buffer: a list of single bytes would take 40 times their size
        try:
            async with asyncio.timeout(until - time.monotonic()):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    piece = message.get("body", b"")
                    size += len(piece)
                    self.held += len(piece)
                    if size > most:
                        raise too_large(most)
                    if self.held > self._most:
                        raise busy("too much is being sent at the same time; send it again later")
                    if not message.get("more_body", False):
                        return bytes(body + piece) if body else piece
                    body += piece
        except TimeoutError:
            self.release(size)
            raise Problem(408, "the body took too long to arrive", headers={"Connection": "close"}) from None
        except BaseException:
            self.release(size)
            raise

    def release(self, size: int) -> None:
        """The bytes of a body are no longer held."""
        self.held -= size


def too_large(most: int) -> Problem:
    """413 that says how much is taken."""
    detail = f"expected a body of at most {most:,} bytes; found more; send it in parts"
    return Problem(413, detail, headers={"Connection": "close"})


def bounded(receive: Receive, most: int) -> Receive:
    """The same channel, which refuses to go on after so many bytes; for routes that read by themselves."""
    seen = 0

    async def counted() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise too_large(most)
        return message

    return counted
