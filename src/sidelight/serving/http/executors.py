"""Lanes: work in threads, so much at a time of all and of each caller, each piece within its time."""

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
    """The client went away; nobody waits for an answer."""


class _Job:
    """One piece of work, waiting or running.

    Args:
        work: Called in a thread.
        turn: Stops it.
        caller: Whose it is.
        weight: What it counts.
    """

    def __init__(self, work: Callable[[], Any], turn: Turn, caller: Hashable, weight: float) -> None:
        self.work, self.turn, self.caller, self.weight = work, turn, caller, weight
        self.future: Future[Any] = Future()


class BoundedExecutor:
    """Work in threads: so many at a time, so many waiting, each within its time, callers by turns.

    Who waits is served caller by caller, so that one who asks for much delays the others by one piece of
    work at most. Work stops at its next `checkpoint` once its time is over or its client has left; what has
    none keeps its place until it ends, so a service that is stuck refuses instead of piling up.

    Args:
        name: Of the threads.
        concurrency: Threads.
        queue: Pieces of work that may wait.
        each: Weight that one caller may have here at a time; one piece always may be.
        first: A gate whose work goes before the work of this one, of which one piece goes on at a time.
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
        self._moved = time.monotonic()  # when something last began or ended while threads were free
        self.held: int = 0
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How much work waits for a thread."""
        return max(0, self.held - self._concurrency)

    @property
    def stuck(self) -> float:
        """Seconds for which all threads have been at work and none has finished anything."""
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
        """What the work gives.

        Args:
            work: Called in a thread.
            until: `time.monotonic()` at which it is given up.
            caller: Who asks; None is nobody in particular, and is not limited.
            weight: What it counts against the caller.
            receive: Of a request whose body was read: the work stops when its client leaves.

        Raises:
            Problem: 429, the caller has too much here already; 503, too many wait or the time is over.
            Gone: The client went away.
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
                made: T = waited.result()
                return made
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
            del (
                job,
                waited,
                left,
                ways,
            )  # the error of the work holds this frame: a circle, if it held the error

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
        """Do the work of the caller who has waited longest for a turn."""
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
        failed, made = None, None
        try:
            if job.future.set_running_or_notify_cancel():
                with taking(job.turn):
                    made = job.work()
        except BaseException as error:
            failed = error
        with self._lock:
            self._running.discard(job)
            self._moved = time.monotonic()
            self._release(job)
        if failed is not None:
            job.future.set_exception(failed)
        elif not job.future.cancelled():
            job.future.set_result(made)
        del job, failed  # the error holds this frame

    def _stop(self, job: _Job) -> None:
        """Forget work that waits; tell work that runs."""
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
        """Take work again after `close`."""
        self._closed = False

    def close(self) -> None:
        """Take no more work, forget what waits, and stop what runs at its next checkpoint."""
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
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _late() -> Problem:
    return busy("the answer took too long and was given up; ask again later", 2.0)
