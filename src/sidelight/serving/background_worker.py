"""Background threads of the engine: place new items, follow versions, write exposures."""

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
PATIENCE = 5.0  # seconds to wait for a thread to end
REST = 2.0  # seconds of pause after a failure

log = logging.getLogger(__name__)


class ExposureWriter:
    """Buffer of exposures that are not written yet. Bounded: the oldest rows are dropped.

    Args:
        database: Target of the rows.
        size: Largest number of rows kept.
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
        """Write the buffer and return the number of rows. Rows that cannot be written stay in the buffer."""
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

    A failure is logged, kept in `trouble`, and the work is tried again after a pause.

    Args:
        live: Holder of the serving snapshot.
        exposures: Buffer to write.
        poll: Seconds between two rounds.
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
        """The threads have been started."""
        return bool(self._threads)

    @property
    def trouble(self) -> str:
        """Last failure of each thread, "" when all is well."""
        return "; ".join(f"{name}: {text}" for name, text in sorted(self._troubles.items()))

    def start(self) -> None:
        """Start the threads, once."""
        if self._threads:
            return
        self._stop.clear()
        works = (
            ("sidelight-items", self._items, self._wake),
            ("sidelight-versions", self._versions, self._stop),
        )
        for name, work, woken in works:
            thread = threading.Thread(target=self._loop, args=(name, work, woken), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Stop the threads, and write the remaining exposures."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(PATIENCE)  # a thread that loads a large version ends with the process
        self._threads.clear()
        self._exposures.write()

    def wake(self) -> None:
        """Place new items at once, without waiting for the next round."""
        self._wake.set()

    def wait(self, change: int, seconds: float) -> bool:
        """Wait until a change is placed; return False on timeout. Without threads it is placed here."""
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
            self._prepared = True  # once, even after a failure
            prepare(self._live.now.model)
        self._wake.clear()  # before the query: a change during it wakes the thread again
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
                text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                if self._troubles.get(name) != text:
                    log.exception("%s failed", name)
                self._troubles[name] = text
                pause = max(REST, self._poll)
            woken.wait(pause)
