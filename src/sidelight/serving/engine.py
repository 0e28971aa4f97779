"""`Engine`: what answers, without HTTP. Thread-safe; each answer comes from one snapshot alone."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from sidelight.errors import SpecError, complain
from sidelight.option_types import Count, check_call
from sidelight.serving.background_worker import BackgroundWorker, ExposureWriter
from sidelight.serving.domain import Event
from sidelight.serving.hot_swap import HotSwap
from sidelight.serving.items.item_ingest import preview, put
from sidelight.serving.recommend.audience import audience
from sidelight.serving.recommend.explanations import explain_items, similar_items
from sidelight.serving.recommend.recommend import LoggedAnswer, answers
from sidelight.serving.recommend.requests import (
    AudienceRequest,
    EngineOptions,
    Explanation,
    RecommendRequest,
    Status,
    WriteReceipt,
)
from sidelight.serving.recommend.responses import Item, RankedItem, RecommendResponse
from sidelight.serving.recommend.user_history import load_user_history
from sidelight.serving.snapshot import Snapshot
from sidelight.serving.status.collect_status import collect_status
from sidelight.serving.status.recent_traffic import RecentTraffic

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database
    from sidelight.serving.store.store import Store, Version

Observer = Callable[[RecommendResponse, float], None]

log = logging.getLogger(__name__)


class Engine:
    """Lists, reasons and searches over a model that may be replaced and a catalogue that grows meanwhile.

    Args:
        source: A store, or the folder of a single bundle.
        database: Of events, people, new items and exposures; the caller closes it.
        options: See `EngineOptions`.

    Raises:
        BundleError: No version serves, or the one that does is damaged.
    """

    def __init__(
        self, source: Store | Path | str, database: Database, options: EngineOptions | None = None
    ) -> None:
        self.options = EngineOptions() if options is None else options
        self.database = database
        self._live = HotSwap(Path(source) if isinstance(source, str) else source, database, self.options)
        self._exposures = ExposureWriter(database, self.options.exposures)
        self._worker = BackgroundWorker(self._live, self._exposures, self.options.poll)
        self._watch = RecentTraffic()
        self._observers: tuple[Observer, ...] = ()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the threads that place new items, follow the store and write exposures."""
        self._worker.start()

    def close(self) -> None:
        """Stop the threads and write what is left."""
        self._worker.close()

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def snapshot(self) -> Snapshot:
        """What answers now."""
        return self._live.now

    def on_answer(self, callback: Observer) -> None:
        """Call a function after each answer, with it and the seconds it took; for metrics."""
        with self._lock:
            self._observers = (*self._observers, callback)

    def recommend(self, ask: RecommendRequest) -> RecommendResponse:
        """One list.

        Raises:
            SpecError: Context or rules that do not fit the model.
            DatabaseError: A named person cannot be looked up.
        """
        return self.recommend_many([ask])[0]

    def recommend_many(self, asks: Sequence[RecommendRequest]) -> list[RecommendResponse]:
        """Several lists, from one snapshot and (for asks of one moment) one product."""
        check_call(Engine.recommend_many, locals())
        if not asks:
            return []
        start = time.perf_counter()
        made = answers(self._live.now, self.database, self.options, asks)
        self._noted(made, (time.perf_counter() - start) / len(asks))
        return [each.answer for each in made]

    def similar(self, item: str, k: Count = 10) -> list[RankedItem]:
        """The items most like one, best first.

        Raises:
            UnknownIdError: It is not in the catalogue.
        """
        check_call(Engine.similar, locals())
        now = self._live.now
        return list(similar_items(now, now.need(item), k))

    def explain(
        self, item: str, user: str | None = None, history: Sequence[str] | None = None, k: Count = 3
    ) -> Explanation:
        """Divide the score that one item has, or would have, for a user into signed shares.

        Args:
            item: Its id.
            user, history: Who, as in `Ask`.
            k: How many history items and words to name.

        Raises:
            UnknownIdError: The item is not in the catalogue.
        """
        check_call(Engine.explain, locals())
        now = self._live.now
        ask = RecommendRequest(user, None if history is None else tuple(history), k=k)
        return explain_items(now, load_user_history(now, self.database, ask), np.array([now.need(item)]), k)[
            0
        ]

    def audience(
        self, item: str | None = None, row: Mapping[str, Any] | None = None, k: Count = 10
    ) -> AudienceRequest:
        """Count the users who would have an item among the first k, name the nearest, and what is like it.

        People who withdrew consent or were forgotten never appear.

        Args:
            item: Id of an item; or
            row: Columns of one, stored nowhere. With the id of a known item its row is replaced.
            k: Length of the lists, and at most this many people.

        Raises:
            UnknownIdError: The item is not in the catalogue.
            DataError: The row does not fit the catalogue.
            SpecError: Neither or both are given.
        """
        check_call(Engine.audience, locals())
        if (item is None) == (row is None):
            found = "neither" if item is None else "both"
            raise SpecError(complain("an item or a row", found, "audience"))
        if row is not None:
            return preview(self._live, self.database, row, k, self.options.audience)
        assert item is not None
        now = self._live.now
        return audience(now, self.database, now.need(item), k, self.options.audience)

    def search(self, text: str, k: Count = 20) -> list[Item]:
        """Items by words of their titles and texts, or by the beginning of their id."""
        check_call(Engine.search, locals())
        now = self._live.now
        found = np.array(now.words.find(text, k + len(now.out)), dtype=np.int64)
        return [_shown(now, at) for at in now.kept(found, k)]

    def item(self, item: str) -> Item:
        """One item.

        Raises:
            UnknownIdError: It is not in the catalogue.
        """
        now = self._live.now
        return _shown(now, now.need(item))

    def put_items(self, rows: Sequence[Mapping[str, Any]], wait: float = 0.0) -> WriteReceipt:
        """Store rows of new items, or in place of old rows; they are placed right after.

        Each row is checked against the catalogue first; with one that does not fit nothing is
        stored. A row replaces the whole row: a column that it lacks is missing from then on.

        Args:
            rows: Columns by name, `item_id` among them; times as ISO texts, pictures as base64.
            wait: Seconds to wait until the rows are placed; 0 does not wait.

        Raises:
            DataError: A row does not fit the catalogue; the nearest column is named.
        """
        return put(self._live, self._worker, self.database, rows, wait)

    def retire(self, items: Sequence[str], retired: bool = True) -> tuple[int, list[str]]:
        """Keep items out of all lists, or let them in again: when this returns, lists are so.

        Returns:
            How many were not so already, and ids that this version does not have.
        """
        changed = self.database.retire(items, retired)
        self._live.retire()
        return changed, [item for item in dict.fromkeys(items) if self._live.now.items.find(item) < 0]

    def retired(self) -> list[str]:
        """Ids of the retired items, in order."""
        return sorted(self._live.now.retired)

    def add_events(self, events: Sequence[Event]) -> WriteReceipt:
        """Store what people did; the next list of each of them counts it."""
        accepted, dropped = self.database.take_events(events)
        self._watch.events(accepted)
        return WriteReceipt(0, accepted, dropped=dropped)

    def set_consent(self, user: str, given: bool) -> None:
        """Whether what is known of a person may be used, from the next list on."""
        self.database.set_consent(user, given)

    def forget(self, user: str) -> int:
        """Delete what is stored of a person, and never use what the model's bundle has; rows deleted."""
        self._exposures.write()  # what is still in memory is to be deleted as well
        return self.database.forget(user)

    def versions(self) -> list[Version]:
        """Versions in the store, newest first.

        Raises:
            SpecError: A single bundle is served.
        """
        return self._live.store.list()

    def promote(self, name: str) -> Version:
        """Let a version serve: when this returns it answers.

        Raises:
            BundleError: It is not there, or fails a check; what served goes on serving.
        """
        return self._live.promote(name)

    def rollback(self) -> Version:
        """Let the version serve that served before: when this returns it answers."""
        return self._live.rollback()

    def compare(self, ask: RecommendRequest, other: str) -> tuple[RecommendResponse, RecommendResponse]:
        """The same ask to what serves and to another version, both without exploration.

        Raises:
            BundleError: There is no such version, or it is damaged.
        """
        now, then = self._live.now, self._live.other(other)
        both = [answers(each, self.database, self.options, [ask], False)[0].answer for each in (now, then)]
        return both[0], both[1]

    def status(self) -> Status:
        """How the engine is doing."""
        return collect_status(self._live, self._worker, self._exposures, self._watch)

    def _noted(self, made: Sequence[LoggedAnswer], seconds: float) -> None:
        """Count answers, keep their exposures, and tell the observers."""
        for each in made:
            self._watch.answer(each.seen)
            if each.exposures:
                self._exposures.add(each.exposures)
            for observer in self._observers:
                try:
                    observer(each.answer, seconds)
                except Exception:  # a metric that fails must not cost somebody a list
                    log.exception("an observer of answers failed")


def _shown(snapshot: Snapshot, at: int) -> Item:
    title = snapshot.titles_of([at])[0]
    return Item(snapshot.id_of(at), title, snapshot.row(at), bool(snapshot.new[at]), at in snapshot.out)
