"""`Watch`: what lately came in and went out, counted; nothing of any person or item is kept."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from sidelight.serving.status.drift import FEW, DriftReference
from sidelight.serving.status.engine_status import Drift

KEPT, MINUTE, HOUR = 2000, 60.0, 3600.0


@dataclass(frozen=True)
class TrafficSample:
    """One answer.

    Args:
        at: Seconds of a clock that only grows.
        length: Of the history that was used.
        given, unknown: Ids in a history that came with the request, and those of them nobody knows.
        best: Highest score of a personal list, None for others.
        shown, new: Items in the list, and new ones among them.
        fallback: Nothing was known of the person.
        version: That answered.
    """

    at: float
    length: int
    given: int
    unknown: int
    best: float | None
    shown: int
    new: int
    fallback: bool
    version: str


class RecentTraffic:
    """Recent answers and events. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: deque[TrafficSample] = deque(maxlen=KEPT)
        self._answered: deque[tuple[float, int]] = deque()
        self._events: deque[tuple[float, int]] = deque()
        self._first = [0, 0]  # ids given, and unknown ones among them, in the first hour
        self.started, self.since = time.monotonic(), datetime.now(UTC)

    def answer(self, seen: TrafficSample) -> None:
        """Note an answer."""
        with self._lock:
            self._answers.append(seen)
            _count(self._answered, seen.at, 1)
            if seen.at - self.started < HOUR:
                self._first[0] += seen.given
                self._first[1] += seen.unknown

    def events(self, number: int) -> None:
        """Note events that came in."""
        with self._lock:
            _count(self._events, time.monotonic(), number)

    def per_minute(self) -> tuple[int, int]:
        """Answers and events of the last 60 seconds."""
        now = time.monotonic()
        with self._lock:
            return _total(self._answered, now), _total(self._events, now)

    def shares(self) -> tuple[float | None, float | None]:
        """Share of slots that new items had, and of answers that knew nothing of the person; recent ones."""
        recent = self._recent()
        shown = sum(each.shown for each in recent)
        new = sum(each.new for each in recent) / shown if shown else None
        return new, sum(each.fallback for each in recent) / len(recent) if recent else None

    def drift(self, reference: DriftReference, version: str) -> Drift:
        """How far recent answers of a version are from what is usual for it."""
        recent = [each for each in self._recent() if each.version == version]
        lengths = [float(each.length) for each in recent if each.length]
        scores = [each.best for each in recent if each.best is not None]
        given, unknown = sum(each.given for each in recent), sum(each.unknown for each in recent)
        with self._lock:
            first, before = self._first
        return Drift(
            reference.lengths.distance(lengths) if reference.lengths and len(lengths) >= FEW else None,
            reference.scores.distance(scores) if reference.scores and len(scores) >= FEW else None,
            unknown / given if given >= FEW else None,
            before / first if first >= FEW else None,
            len(recent),
        )

    def _recent(self) -> list[TrafficSample]:
        with self._lock:
            return list(self._answers)


def _count(track: deque[tuple[float, int]], now: float, number: int) -> None:
    """Add to the count of this second; what is older than a minute goes."""
    if track and int(track[-1][0]) == int(now):
        track[-1] = (track[-1][0], track[-1][1] + number)
    else:
        track.append((now, number))
    while track and now - track[0][0] > MINUTE:
        track.popleft()


def _total(track: deque[tuple[float, int]], now: float) -> int:
    return sum(number for at, number in track if now - at <= MINUTE)
