"""Serving engine without HTTP. Thread-safe; each response comes from one snapshot alone."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sidelight.errors import SpecError, complain
from sidelight.option_types import Count, check_call
from sidelight.serving.background_worker import BackgroundWorker, ExposureWriter
from sidelight.serving.domain import Event
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.hot_swap import HotSwap
from sidelight.serving.item_ingest import preview, put_items
from sidelight.serving.recommend.audience import audience
from sidelight.serving.recommend.explanations import explain_items, similar_items
from sidelight.serving.recommend.recommend import LoggedResponse, recommend_lists
from sidelight.serving.recommend.user_history import load_user_history
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.responses import (
    Audience,
    EventsReceipt,
    Explanation,
    Item,
    ItemsReceipt,
    RankedItem,
    RecommendResponse,
    Retired,
    Status,
    Version,
)
from sidelight.serving.snapshot import Snapshot
from sidelight.serving.status.collect_status import collect_status
from sidelight.serving.status.recent_traffic import RecentTraffic

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database
    from sidelight.serving.store.store import Store

Observer = Callable[[RecommendResponse, float], None]

log = logging.getLogger(__name__)


class Engine:
    """Recommendation, explanation and search over a model that is replaced and a catalogue that grows.

    Args:
        source: A store, or the folder of a single bundle.
        database: Database of events, users, new items and exposures; the caller closes it.
        options: See `EngineOptions`.

    Raises:
        BundleError: No version serves, or the one that does is damaged.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.serving import Database, Engine  # Engine(store, database); see docs/operations.md
        >>> sl.Engine is Engine
        True
    """

    def __init__(
        self, source: Store | Path | str, database: Database, options: EngineOptions | None = None
    ) -> None:
        self.options = EngineOptions() if options is None else options
        self.database = database
        self._live = HotSwap(Path(source) if isinstance(source, str) else source, database, self.options)
        self._exposures = ExposureWriter(database, self.options.exposures)
        self._worker = BackgroundWorker(self._live, self._exposures, self.options.poll)
        self._traffic = RecentTraffic()
        self._observers: tuple[Observer, ...] = ()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the threads that place new items, follow the store and write exposures."""
        self._worker.start()

    def close(self) -> None:
        """Stop the threads and write the remaining exposures."""
        self._worker.close()

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def snapshot(self) -> Snapshot:
        """Snapshot that serves now."""
        return self._live.now

    def on_answer(self, callback: Observer) -> None:
        """Call a function after each response, with the response and its seconds; for metrics."""
        with self._lock:
            self._observers = (*self._observers, callback)

    def recommend(self, request: RecommendRequest) -> RecommendResponse:
        """Return one list.

        Raises:
            SpecError: Context or rules that do not fit the model.
            DatabaseError: The user cannot be looked up.
        """
        return self.recommend_many([request])[0]

    def recommend_many(self, requests: Sequence[RecommendRequest]) -> list[RecommendResponse]:
        """Return several lists, from one snapshot and (for requests of equal context) one product."""
        check_call(Engine.recommend_many, locals())
        if not requests:
            return []
        start = time.perf_counter()
        logged = recommend_lists(self._live.now, self.database, self.options, requests)
        self._record(logged, (time.perf_counter() - start) / len(requests))
        return [each.response for each in logged]

    def similar(self, item: str, k: Count = 10) -> list[RankedItem]:
        """Return the most similar items, best first.

        Raises:
            UnknownIdError: The item is not in the catalogue.
        """
        check_call(Engine.similar, locals())
        now = self._live.now
        return list(similar_items(now, now.need(item), k))

    def explain(
        self, item: str, user: str | None = None, *, history: Sequence[str] | None = None, k: Count = 3
    ) -> Explanation:
        """Divide the score that one item has, or would have, for a user into signed shares.

        Args:
            item: Id of the item.
            user, history: User id or history, as in `RecommendRequest`.
            k: Number of history items and terms to name.

        Raises:
            UnknownIdError: The item is not in the catalogue.
        """
        check_call(Engine.explain, locals())
        now = self._live.now
        request = RecommendRequest(user, None if history is None else tuple(history), k=k)
        about = load_user_history(now, self.database, request)
        return explain_items(now, about, np.array([now.need(item)]), k)[0]

    def audience(
        self, item: str | None = None, row: Mapping[str, Any] | None = None, *, k: Count = 10
    ) -> Audience:
        """Count the users who would have an item among the first k, and name the nearest users and items.

        Users who withdrew consent or were forgotten never appear.

        Args:
            item: Id of an item; or
            row: columns of one, which is not stored. With the id of a known item its row is replaced.
            k: Length of the lists, and the largest number of users named.

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
        """Find items by words of their titles and texts, or by the beginning of their id."""
        check_call(Engine.search, locals())
        now = self._live.now
        found = np.array(now.words.find(text, k + len(now.out)), dtype=np.int64)
        return [_item(now, at) for at in now.kept(found, k)]

    def item(self, item: str) -> Item:
        """Return one item.

        Raises:
            UnknownIdError: It is not in the catalogue.
        """
        now = self._live.now
        return _item(now, now.need(item))

    def put_items(self, rows: Sequence[Mapping[str, Any]], wait: float = 0.0) -> ItemsReceipt:
        """Store rows of new items, or in place of old rows; they are placed right after.

        Each row is checked against the catalogue first; if one does not fit, nothing is stored. A row
        replaces the whole row: a column that it lacks is missing from then on.

        Args:
            rows: Columns by name, `item_id` among them; times as ISO texts, images as base64.
            wait: Seconds to wait until the rows are placed; 0 does not wait.

        Raises:
            DataError: A row does not fit the catalogue; the nearest column is named.
        """
        return put_items(self._live, self._worker, self.database, rows, wait)

    def retire(self, items: Sequence[str], retired: bool = True) -> Retired:
        """Keep items out of all lists, or admit them again; effective when this returns."""
        changed = self.database.retire(items, retired)
        self._live.retire()
        unknown = [item for item in dict.fromkeys(items) if self._live.now.items.find(item) < 0]
        return Retired(self.retired(), changed, tuple(unknown))

    def retired(self) -> tuple[str, ...]:
        """Return the ids of the retired items, sorted."""
        return tuple(sorted(self._live.now.retired))

    def add_events(self, events: Sequence[Event]) -> EventsReceipt:
        """Store events; the next list of each user takes them into account."""
        accepted, dropped = self.database.take_events(events)
        self._traffic.events(accepted)
        return EventsReceipt(accepted, dropped)

    def set_consent(self, user: str, given: bool) -> None:
        """Record whether the data of a user may be used, from the next list on."""
        self.database.set_consent(user, given)

    def forget(self, user: str) -> int:
        """Delete the stored data of a user, and never use the history in the bundle; return rows deleted."""
        self._exposures.write()  # exposures in memory are deleted too
        return self.database.forget(user)

    def versions(self) -> list[Version]:
        """Return the versions in the store, newest first.

        Raises:
            SpecError: A single bundle is served.
        """
        return self._live.store.list()

    def promote(self, name: str) -> Version:
        """Let a version serve: when this returns, it answers.

        Raises:
            BundleError: It does not exist, or fails a check; the present version goes on serving.
        """
        return self._live.promote(name)

    def rollback(self) -> Version:
        """Let the previous version serve again: when this returns, it answers."""
        return self._live.rollback()

    def compare(self, request: RecommendRequest, other: str) -> tuple[RecommendResponse, RecommendResponse]:
        """Answer one request with the serving version and with another one, both without exploration.

        Raises:
            BundleError: There is no such version, or it is damaged.
        """
        both = self._live.now, self._live.other(other)
        first, second = (
            recommend_lists(each, self.database, self.options, [request], explore=False)[0].response
            for each in both
        )
        return first, second

    def status(self) -> Status:
        """Return the status of the engine."""
        return collect_status(self._live, self._worker, self._exposures, self._traffic)

    def _record(self, logged: Sequence[LoggedResponse], seconds: float) -> None:
        """Count responses, keep their exposures, and notify the observers."""
        for each in logged:
            self._traffic.answer(each.sample)
            if each.exposures:
                self._exposures.add(each.exposures)
            for observer in self._observers:
                try:
                    observer(each.response, seconds)
                except Exception:  # a failing metric must not fail a request
                    log.exception("an observer of responses failed")


def _item(snapshot: Snapshot, at: int) -> Item:
    title = snapshot.titles_of([at])[0]
    return Item(snapshot.id_of(at), title, snapshot.row(at), bool(snapshot.new[at]), at in snapshot.out)
