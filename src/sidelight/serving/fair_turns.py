"""Fair scheduling of requests in threads: cost estimates, and turns of work that can be stopped.

Work in a thread cannot be ended from outside. So long work calls `checkpoint` between its rows: it
raises `Stopped` once the deadline has passed or the client has left, and lets short requests go first.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Protocol

SCORES: Final = 50_000  # scores that cost as much as one explanation; measured, as are the next
ROWS: Final = 400  # places of a list without explanations
HISTORY: Final = 500  # history items that double the cost of an explanation
CONDITIONS: Final = 10  # conditions of rules
REST: Final = 0.05  # longest wait of one checkpoint for short requests, in seconds
PAUSE: Final = 0.002
SHARE: Final = 0.25  # share of time for long work, however many short requests there are


class Stopped(Exception):
    """End of work whose deadline has passed or whose client has left."""


class TurnToken:
    """Token that lets one of several threads work at a time, first come, first served.

    Threads that compute share one interpreter: several at once finish no sooner than one after the other,
    and a short request that needs the interpreter a few times waits for each of them every time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._held = False

    def take(self, until: float) -> None:
        """Wait for the token.

        Args:
            until: Deadline as of `time.monotonic()`.

        Raises:
            Stopped: The token was not free in time.
        """
        with self._lock:
            if not self._held:
                self._held = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        if mine.wait(max(0.0, until - time.monotonic())):
            return
        with self._lock:
            if not mine.is_set():
                self._waiting.remove(mine)
                raise Stopped

    def give(self) -> None:
        """Pass the token to the thread that has waited longest."""
        with self._lock:
            self._held = bool(self._waiting)
            if self._waiting:
                self._waiting.popleft().set()

    @property
    def wanted(self) -> bool:
        """Another thread waits for the token."""
        return bool(self._waiting)


class Turn:
    """One piece of work in a thread.

    Args:
        until: Deadline as of `time.monotonic()`.
        first: Predicate: short requests are running, which go first; None for work that is short itself.
        baton: Token shared by pieces of work of which one runs at a time; it is passed at checkpoints.
    """

    def __init__(
        self, until: float, first: Callable[[], bool] | None = None, baton: TurnToken | None = None
    ) -> None:
        self.stopped = False
        self._until, self._first, self._baton = until, first, baton
        self._worked, self._rested = 0.0, 0.0
        self._began, self._holds = time.monotonic(), False

    def begin(self) -> None:
        """Wait until this piece may run.

        Raises:
            Stopped: The work was stopped, or its deadline has passed.
        """
        self._take()
        self._look()

    def end(self) -> None:
        """Let the next piece run."""
        self._worked += time.monotonic() - self._began
        if self._baton is not None and self._holds:
            self._holds = False
            self._baton.give()

    def check(self) -> None:
        """Let short requests go first, for most of the time, and other long ones in turn.

        Raises:
            Stopped: The work was stopped, or its deadline has passed.
        """
        if self._first is not None and not self.stopped:
            self._rest(self._first)
        if self._baton is not None and self._baton.wanted and self._holds:
            self.end()
            self._take()
        self._look()

    def _take(self) -> None:
        if self._baton is not None:
            self._baton.take(self._until)
            self._holds = True
        self._began = time.monotonic()

    def _look(self) -> None:
        if self.stopped or time.monotonic() > self._until:
            raise Stopped

    def _rest(self, first: Callable[[], bool]) -> None:
        now = start = time.monotonic()
        own = self._worked - self._began - self._rested  # plus `now`: seconds of work without rests
        while (
            not self.stopped
            and now - start < REST
            and self._rested + now - start < (1 - SHARE) / SHARE * (own + start)
            and first()
        ):
            time.sleep(PAUSE)
            now = time.monotonic()
        self._rested += now - start


_TURN: ContextVar[Turn | None] = ContextVar("turn", default=None)


@contextmanager
def taking(turn: Turn) -> Iterator[None]:
    """Bind the checkpoints of this thread to a turn."""
    token = _TURN.set(turn)
    try:
        turn.begin()
        yield
    finally:
        turn.end()
        _TURN.reset(token)


def checkpoint() -> None:
    """Stop here if the result is not awaited any more; called between rows, blocks and explanations.

    Raises:
        Stopped: The deadline of the request has passed, or its client has left.
    """
    turn = _TURN.get()
    if turn is not None:
        turn.check()


class CostedRequest(Protocol):
    """Request for one list, of the engine or of HTTP."""

    @property
    def k(self) -> int:
        """Length of the list."""

    @property
    def history(self) -> Sequence[str] | None:
        """Given history, or None."""

    @property
    def explain(self) -> bool:
        """With explanations."""

    @property
    def rules(self) -> Any:
        """Rules, or None."""


def cost(requests: Sequence[CostedRequest], n_scores: int) -> float:
    """Estimate the work of lists; 1 is about one explanation for one place, one or two milliseconds.

    Every list costs n_scores / 50,000 for its scores and k / 400 for its rows. Each place costs 1 more with
    explanations (longer given histories in proportion), and 1 more under diversity.

    Args:
        requests: The requests.
        n_scores: Scores that one list needs: the items of the catalogue, 0 where a search finds them.
    """
    total = 0.0
    for request in requests:
        total += n_scores / SCORES + request.k / ROWS
        if request.explain:
            total += request.k * (1 + len(request.history or ()) / HISTORY)
        if (rules := request.rules) is not None:
            total += request.k * (rules.diversity > 0)
            total += (len(rules.boost) + len(rules.bury) + len(rules.block) + len(rules.pin)) / CONDITIONS
    return total
