"""Cost of requests, and turns of work that can be stopped: what keeps one caller from the time of all.

Work in a thread cannot be ended from outside. So what takes long calls `checkpoint` between its rows: it
raises `Stopped` once the deadline has passed or the client has left, and lets short requests go first.
"""

from __future__ import annotations

import time
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


class Turn:
    """One piece of work in a thread.

    Args:
        until: `time.monotonic()` at which it is to stop.
        first: Says whether short requests are at work, which go first; None for work that is short itself.
    """

    def __init__(self, until: float, first: Callable[[], bool] | None = None) -> None:
        self.stopped = False
        self._until, self._first = until, first
        self._began, self._rested = time.monotonic(), 0.0

    def check(self) -> None:
        """Let short requests go first, for most of the time.

        Raises:
            Stopped: It is over.
        """
        now = start = time.monotonic()
        if self._first is not None:
            while (
                not self.stopped
                and now - start < REST
                and self._rested + now - start < (1 - SHARE) * (now - self._began)
                and self._first()
            ):
                time.sleep(PAUSE)
                now = time.monotonic()
            self._rested += now - start
        if self.stopped or now > self._until:
            raise Stopped


_TURN: ContextVar[Turn | None] = ContextVar("turn", default=None)


@contextmanager
def taking(turn: Turn) -> Iterator[None]:
    """Make checkpoints in this thread those of a turn."""
    token = _TURN.set(turn)
    try:
        turn.check()
        yield
    finally:
        _TURN.reset(token)


def checkpoint() -> None:
    """Stop here if nobody waits any more; called between rows, blocks and reasons.

    Raises:
        Stopped: The deadline of the request has passed, or its client has left.
    """
    turn = _TURN.get()
    if turn is not None:
        turn.check()


class Costly(Protocol):
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


def cost(asks: Sequence[Costly], n_scores: int) -> float:
    """Estimate the work of lists; 1 is about one reason for one place, one or two milliseconds.

    Every list costs n_scores / 50,000 for its scores and k / 400 for its rows. Each place costs 1 more with
    reasons (longer given histories in proportion), and 1 more under diversity.

    Args:
        asks: What is asked for.
        n_scores: Scores that one list needs: the items of the catalogue, 0 where a search finds them.
    """
    return sum(_one(ask, n_scores) for ask in asks)


def _one(ask: Costly, n_scores: int) -> float:
    found = n_scores / SCORES + ask.k / ROWS
    if ask.explain:
        found += ask.k * (1 + len(ask.history or ()) / HISTORY)
    if ask.rules is not None:
        rules = ask.rules
        found += ask.k * (rules.diversity > 0)
        found += (len(rules.boost) + len(rules.bury) + len(rules.block) + len(rules.pin)) / CONDITIONS
    return found
