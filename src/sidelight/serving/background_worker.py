"""The work behind the requests: new items are placed, versions followed, exposures written."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sidelight.serving.domain import Exposure
from sidelight.serving.hot_swap import HotSwap
from sidelight.serving.items.encoder_cache import prepare

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database

WRITE, MANY = 1.0, 500  # seconds, or exposures, after which they are written
PATIENCE = 5.0  # seconds in which a thread ends when it is told to
REST = 2.0  # seconds of rest after something failed

log = logging.getLogger(__name__)


class ExposureWriter:
    """What was shown and is not written yet. Bounded: the oldest rows go when nobody can write them.

    Args:
        database: Where they go.
        size: Rows kept at most.
    """

    def __init__(self, database: Database, size: int) -> None:
        self._database, self._size = database, size
        self._rows: deque[Exposure] = deque()
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self.lost = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: Sequence[Exposure]) -> None:
        """Keep rows until they are written."""
        with self._lock:
            self._rows.extend(rows)
            self._cut()

    def write(self) -> int:
        """Write what is kept; how many rows that were. What cannot be written is kept."""
        with self._writing:
            with self._lock:
                rows = list(self._rows)
                self._rows.clear()
            if not rows:
                return 0
            try:
                self._database.add_exposures(rows)
            except BaseException:
                with self._lock:
                    self._rows.extendleft(reversed(rows))
                    self._cut()
                raise
        return len(rows)

    def _cut(self) -> None:
        while len(self._rows) > self._size:
            self._rows.popleft()
            self.lost += 1


class BackgroundWorker:
    """Two threads: one places items and writes exposures, one follows the store, which may take long.

    Whatever fails is written to the log, kept in `trouble`, and tried again after a rest.

    Args:
        live: Where snapshots are replaced.
        exposures: To be written.
        poll: Seconds between looks.
    """

    def __init__(self, live: HotSwap, exposures: ExposureWriter, poll: float) -> None:
        self._live, self._exposures, self._poll = live, exposures, poll
        self._stop, self._wake = threading.Event(), threading.Event()
        self._placed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._troubles: dict[str, str] = {}
        self._written = time.monotonic()
        self._prepared = False

    @property
    def running(self) -> bool:
        """Whether the threads are there."""
        return bool(self._threads)

    @property
    def trouble(self) -> str:
        """What could not be done last, "" when all is well."""
        return "; ".join(f"{name}: {said}" for name, said in sorted(self._troubles.items()))

    def start(self) -> None:
        """Start the threads, once."""
        if self._threads:
            return
        self._stop.clear()
        works = (
            ("sidelight-items", self._items, self._wake),
            ("sidelight-versions", self._versions, self._stop),
        )
        for name, *how in works:
            thread = threading.Thread(target=self._loop, args=(name, *how), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop the threads, and write what is left."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(PATIENCE)  # one that loads a large version ends with the process
        self._threads.clear()
        self._exposures.write()

    def wake(self) -> None:
        """There are new items: do not wait for the next look."""
        self._wake.set()

    def wait(self, change: int, seconds: float) -> bool:
        """Wait until a change is placed; False when it takes longer. Without threads it is done here."""
        if not self.running:
            while self._live.now.change < change and self._live.catch_up():
                pass
            return self._live.now.change >= change
        until = time.monotonic() + seconds
        with self._placed:
            while self._live.now.change < change:
                left = until - time.monotonic()
                if left <= 0 or not self.running:
                    return False
                self._placed.wait(min(left, 0.2))
        return True

    def _items(self) -> None:
        if not self._prepared:
            self._prepared = True  # once, whatever comes of it
            prepare(self._live.now.model)
        self._wake.clear()  # before the look: what comes during it wakes again
        while self._live.catch_up():
            with self._placed:
                self._placed.notify_all()
        late = time.monotonic() - self._written >= WRITE
        if len(self._exposures) >= MANY or (late and len(self._exposures)):
            self._exposures.write()
            self._written = time.monotonic()

    def _versions(self) -> None:
        self._live.follow()
        self._live.keep()

    def _loop(self, name: str, work: Callable[[], object], woken: threading.Event) -> None:
        while not self._stop.is_set():
            pause = self._poll
            try:
                work()
                self._troubles.pop(name, None)
            except Exception as error:
                said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                if self._troubles.get(name) != said:
                    log.exception("%s failed", name)
                self._troubles[name] = said
                pause = max(REST, self._poll)
            woken.wait(pause)
