"""Cost of requests, and turns of work that can be stopped: what keeps one caller from the time of all.

Work in a thread cannot be ended from outside. So what takes long calls `checkpoint` between its rows: it
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

SCORES: Final = 50_000  # scores that cost as much as one reason; measured, as are the next
ROWS: Final = 400  # places of a list without reasons
HISTORY: Final = 500  # history items that double the cost of a reason
CONDITIONS: Final = 10  # conditions of rules
REST: Final = 0.05  # seconds that one checkpoint waits for short requests, at most
PAUSE: Final = 0.002
SHARE: Final = 0.25  # of the time in which long work goes on, however many short requests there are


class Stopped(Exception):
    """Nobody waits for the work any more."""


class TurnToken:
    """Lets one of several threads work at a time, first come, first served.

    Threads that compute share one interpreter: several at once finish no sooner than one after the other,
    and a short request that has to have the interpreter a few times waits for each of them every time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._held = False

    def take(self, until: float) -> None:
        """Wait for it.

        Args:
            until: `time.monotonic()` after which it is not waited for.

        Raises:
            Stopped: It did not come in time.
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
        """Give it to who has waited longest."""
        with self._lock:
            self._held = bool(self._waiting)
            if self._waiting:
                self._waiting.popleft().set()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)


class Turn:
    """One piece of work in a thread.

    Args:
        until: `time.monotonic()` at which it is to stop.
        first: Says whether short requests are at work, which go first; None for work that is short itself.
        baton: Shared by pieces of work of which one goes on at a time; it goes round at checkpoints.
    """

    def __init__(
        self, until: float, first: Callable[[], bool] | None = None, baton: TurnToken | None = None
    ) -> None:
        self.stopped = False
        self._until, self._first, self._baton = until, first, baton
        self._worked, self._rested = 0.0, 0.0
        self._began, self._holds = time.monotonic(), False

    def begin(self) -> None:
        """Wait until this piece may go on.

        Raises:
            Stopped: It is over.
        """
        self._take()
        self._look()

    def end(self) -> None:
        """Let the next piece go on."""
        self._worked += time.monotonic() - self._began
        if self._baton is not None and self._holds:
            self._holds = False
            self._baton.give()

    def check(self) -> None:
        """Let short requests go first, for most of the time, and other long ones in turn.

        Raises:
            Stopped: It is over.
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
        own = self._worked - self._began - self._rested  # with `now`, seconds of work without rests
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
    """Make checkpoints in this thread those of a turn."""
    token = _TURN.set(turn)
    try:
        turn.begin()
        yield
    finally:
        turn.end()
        _TURN.reset(token)


def checkpoint() -> None:
    """Stop here if nobody waits any more; called between rows, blocks and reasons.

    Raises:
        Stopped: The deadline of the request has passed, or its client has left.
    """
    turn = _TURN.get()
    if turn is not None:
        turn.check()


class CostedRequest(Protocol):
    """A request for one list, as the engine or as HTTP takes it."""

    @property
    def k(self) -> int:
        """Places."""
        ...

    @property
    def history(self) -> Sequence[str] | None:
        """Given, or None."""
        ...

    @property
    def explain(self) -> bool:
        """With reasons."""
        ...

    @property
    def rules(self) -> Any:
        """With `diversity` and conditions, or None."""
        ...


def cost(asks: Sequence[CostedRequest], n_scores: int) -> float:
    """Estimate the work of lists; 1 is about one reason for one place, one or two milliseconds.

    Every list costs n_scores / 50,000 for its scores and k / 400 for its rows. Each place costs 1 more with
    reasons (longer given histories in proportion), and 1 more under diversity.

    Args:
        asks: What is asked for.
        n_scores: Scores that one list needs: the items of the catalogue, 0 where a search finds them.
    """
    return sum(_one(ask, n_scores) for ask in asks)


def _one(ask: CostedRequest, n_scores: int) -> float:
    found = n_scores / SCORES + ask.k / ROWS
    if ask.explain:
        found += ask.k * (1 + len(ask.history or ()) / HISTORY)
    if ask.rules is not None:
        rules = ask.rules
        found += ask.k * (rules.diversity > 0)
        found += (len(rules.boost) + len(rules.bury) + len(rules.block) + len(rules.pin)) / CONDITIONS
    return found
