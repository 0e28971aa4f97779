"""Counts of recent responses and events; no data of any user or item is kept."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from sidelight.serving.drift import DriftReference
from sidelight.serving.responses import Drift

KEPT, MINUTE, HOUR = 2000, 60.0, 3600.0
FEW = 100  # responses below which no drift is reported


@dataclass(frozen=True)
class TrafficSample:
    """Record of one response.

    Args:
        at: Seconds of a monotonic clock.
        length: Length of the history that was used.
        given, unknown: Number of ids in a history that came with the request, and of those that are unknown.
        best: Highest score of a personal list, None for others.
        shown, new: Number of items in the list, and of new items among them.
        fallback: Nothing was known of the user.
        version: Version that answered.
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
    """Recent responses and events. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: deque[TrafficSample] = deque(maxlen=KEPT)
        self._answers: deque[tuple[float, int]] = deque()
        self._events: deque[tuple[float, int]] = deque()
        self._first = [0, 0]  # ids given, and unknown ones among them, in the first hour
        self.started, self.since = time.monotonic(), datetime.now(UTC)

    def answer(self, sample: TrafficSample) -> None:
        """Record a response."""
        with self._lock:
            self._samples.append(sample)
            _count(self._answers, sample.at, 1)
            if sample.at - self.started < HOUR:
                self._first[0] += sample.given
                self._first[1] += sample.unknown

    def events(self, number: int) -> None:
        """Record events that came in."""
        with self._lock:
            _count(self._events, time.monotonic(), number)

    def per_minute(self) -> tuple[int, int]:
        """Return the number of responses and of events in the last 60 seconds."""
        now = time.monotonic()
        with self._lock:
            return _total(self._answers, now), _total(self._events, now)

    def shares(self) -> tuple[float | None, float | None]:
        """Return the share of new items in recent lists, and of recent responses without a known user."""
        recent = self._recent()
        shown = sum(each.shown for each in recent)
        new = sum(each.new for each in recent) / shown if shown else None
        return new, sum(each.fallback for each in recent) / len(recent) if recent else None

    def drift(self, reference: DriftReference, version: str) -> Drift:
        """Compare recent responses of a version with what is usual for it."""
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
            return list(self._samples)


def _count(track: deque[tuple[float, int]], now: float, number: int) -> None:
    """Add to the count of this second, and drop counts that are older than a minute."""
    if track and int(track[-1][0]) == int(now):
        track[-1] = (track[-1][0], track[-1][1] + number)
    else:
        track.append((now, number))
    while track and now - track[0][0] > MINUTE:
        track.popleft()


def _total(track: deque[tuple[float, int]], now: float) -> int:
    return sum(number for at, number in track if now - at <= MINUTE)
