"""Bounded executors: threads with a bounded queue, deadlines, and fair turns between callers."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sidelight.serving.fair_turns import Stopped, Turn, TurnToken, taking
from sidelight.serving.http.problems import Problem, busy, retry

T = TypeVar("T")
Receive = Callable[[], Awaitable[Any]]


class ClientGoneError(Exception):
    """Client has left: the response has no reader."""


class _Job:
    """Piece of work, waiting or running.

    Args:
        work: Function to call in a thread.
        turn: Turn that can stop it.
        caller: Caller whose limit it counts against.
        weight: Weight in that limit.
    """

    def __init__(self, work: Callable[[], Any], turn: Turn, caller: Hashable, weight: float) -> None:
        self.work, self.turn, self.caller, self.weight = work, turn, caller, weight
        self.future: Future[Any] = Future()


class BoundedExecutor:
    """Thread pool with a bounded queue, a deadline per piece of work, and fair turns between callers.

    Waiting work is taken caller by caller, so that a caller with much work delays the others by one piece of
    it at most. Work stops at its next `checkpoint` once its time is over or its client has left; work without
    checkpoints keeps its place until it ends, so a stuck service refuses requests instead of queueing them.

    Args:
        name: Name of the threads.
        concurrency: Number of threads.
        queue: Pieces of work that may wait.
        each: Weight per caller at a time; one piece is always accepted.
        first: Executor whose work goes before the work of this one, of which one piece runs at a time.
    """

    def __init__(
        self,
        name: str,
        concurrency: int,
        queue: int,
        each: float = math.inf,
        first: BoundedExecutor | None = None,
    ) -> None:
        self._name, self._concurrency, self._most, self._each = name, concurrency, concurrency + queue, each
        self._first = None if first is None else lambda: first.held > 0
        self._baton = None if first is None else TurnToken()
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False
        self._waiting: OrderedDict[Hashable, deque[_Job]] = OrderedDict()
        self._running: set[_Job] = set()
        self._weights: dict[Hashable, float] = {}
        self._moved = time.monotonic()  # when work last began or ended while threads were free
        self.held: int = 0
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Number of pieces of work that wait for a thread."""
        return max(0, self.held - self._concurrency)

    @property
    def stuck(self) -> float:
        """Seconds for which all threads have been working and none has finished."""
        with self._lock:
            full = len(self._running) >= self._concurrency
            return time.monotonic() - self._moved if full else 0.0

    async def run(
        self,
        work: Callable[[], T],
        until: float,
        caller: Hashable = None,
        weight: float = 1.0,
        receive: Receive | None = None,
    ) -> T:
        """Run work in a thread and return its result.

        Args:
            work: Function to call.
            until: `time.monotonic()` at which it is given up.
            caller: Caller whose limit it counts against; None is not limited.
            weight: Weight in that limit.
            receive: Channel of a request whose body was read: the work stops when its client leaves.

        Raises:
            Problem: 429, the caller has too much running already; 503, the queue is full or the time is over.
            ClientGoneError: The client has left.
        """
        job = self._admitted(work, until, caller, weight)
        waited = asyncio.wrap_future(job.future)
        left = None if receive is None else asyncio.ensure_future(_left(receive))
        ways = {waited} if left is None else {waited, left}
        try:
            await asyncio.wait(
                ways, timeout=max(0.0, until - time.monotonic()), return_when=asyncio.FIRST_COMPLETED
            )
            if waited.done():
                result: T = waited.result()
                return result
            if left is not None and left.done():
                raise ClientGoneError
            raise _late()
        except Stopped:
            raise _late() from None
        finally:
            if left is not None:
                left.cancel()
            if not waited.done():
                self._stop(job)
                waited.cancel()
            # An error of the work holds this frame: a reference cycle, if the frame held the error.
            del job, waited, left, ways

    def _admitted(self, work: Callable[[], Any], until: float, caller: Hashable, weight: float) -> _Job:
        job = _Job(work, Turn(until, self._first, self._baton), caller, weight)
        pool = self._threads()
        with self._lock:
            own = self._weights.get(caller, 0.0)
            if caller is not None and own and own + weight > self._each:
                detail = "this key has as much at work here as it may; wait for an answer, then ask again"
                raise Problem(429, detail, headers=retry(1.0))
            if self.held >= self._most:
                raise busy("too many requests wait already; ask again a little later")
            self.held += 1
            self._weights[caller] = own + weight
            self._waiting.setdefault(caller, deque()).append(job)
        try:
            pool.submit(self._next)
        except BaseException:
            self._stop(job)
            raise
        return job

    def _next(self) -> None:
        """Run work of the caller who has waited longest for a turn."""
        with self._lock:
            if not self._waiting:
                return  # it was given up while it waited
            caller, own = self._waiting.popitem(last=False)
            job = own.popleft()
            if own:
                self._waiting[caller] = own
            if len(self._running) < self._concurrency:
                self._moved = time.monotonic()
            self._running.add(job)
        failed, result = None, None
        try:
            if job.future.set_running_or_notify_cancel():
                with taking(job.turn):
                    result = job.work()
        except BaseException as error:
            failed = error
        with self._lock:
            self._running.discard(job)
            self._moved = time.monotonic()
            self._release(job)
        if failed is not None:
            job.future.set_exception(failed)
        elif not job.future.cancelled():
            job.future.set_result(result)
        del job, failed  # the error holds this frame

    def _stop(self, job: _Job) -> None:
        """Drop work that waits; stop work that runs at its next checkpoint."""
        job.turn.stopped = True
        with self._lock:
            own = self._waiting.get(job.caller)
            if own and job in own:
                own.remove(job)
                if not own:
                    del self._waiting[job.caller]
                self._release(job)

    def _release(self, job: _Job) -> None:
        self.held -= 1
        self._weights[job.caller] -= job.weight
        if self._weights[job.caller] <= 1e-9:
            del self._weights[job.caller]

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._closed:
                raise busy("the service is stopping")
            if self._pool is None:
                name = f"sidelight-{self._name}"
                self._pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix=name)
            return self._pool

    def open(self) -> None:
        """Accept work again after `close`."""
        self._closed = False

    def close(self) -> None:
        """Refuse new work, drop waiting work, and stop running work at its next checkpoint."""
        with self._lock:
            self._closed, pool, self._pool = True, self._pool, None
            waiting = [job for own in self._waiting.values() for job in own]
            for job in self._running:
                job.turn.stopped = True
        for job in waiting:
            self._stop(job)
            job.future.cancel()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


async def _left(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _late() -> Problem:
    return busy("the answer took too long and was given up; ask again later", 2.0)
