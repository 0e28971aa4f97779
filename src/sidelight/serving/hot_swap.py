"""`Live`: which snapshot answers now, and how another one takes its place while requests go on."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sidelight.errors import BundleError, SpecError, complain
from sidelight.serving.bundle import load
from sidelight.serving.domain import ChangedItem
from sidelight.serving.drift import DriftReference
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.items.encoder_cache import EncodingCache, working
from sidelight.serving.items.item_changes import apply_changes
from sidelight.serving.items.item_schema import ItemSchema
from sidelight.serving.responses import Version
from sidelight.serving.search.exact_search import EXACT, HasVectors, VectorSearch
from sidelight.serving.snapshot import IdIndex, Snapshot, released
from sidelight.serving.store.store import Store

if TYPE_CHECKING:
    from sidelight.serving.database.database import Database

AGAIN = 30.0  # seconds after which a version that was refused is tried once more
PAGE = 10_000  # changes put into a version that was just loaded at a time

log = logging.getLogger(__name__)


class HotSwap:
    """The snapshot that answers, and the only place where it is replaced: by one assignment.

    Args:
        source: A store, or the folder of a single bundle.
        database: Has the items that came after the bundle.
        options: Of the engine.

    Raises:
        BundleError: No version serves, or it is damaged or fails its canaries.
    """

    def __init__(self, source: Store | Path, database: Database, options: EngineOptions) -> None:
        self._store = source if isinstance(source, Store) else None
        self._path = Path() if isinstance(source, Store) else Path(source)
        self._database, self._options, self._memory = database, options, EncodingCache()
        self._promoting, self._placing = threading.Lock(), threading.Lock()
        self._swapping, self._comparing = threading.Lock(), threading.Lock()  # the first is the innermost
        self._before: Snapshot | None = None  # what a rollback goes to
        self._kept: Snapshot | None = None
        self._unkept = ""  # a version that could not be loaded for a rollback
        self.refused = ""
        self._refused_name, self._refused_at = "", 0.0
        name = self._path.resolve().name or "bundle"
        if self._store is not None:
            current = self._store.current()
            name = "" if current is None else current.name
        self._now = self._caught_up(self._loaded(name)).warmed()

    @property
    def now(self) -> Snapshot:
        """What answers."""
        return self._now

    @property
    def store(self) -> Store:
        """The store.

        Raises:
            SpecError: A single bundle is served.
        """
        if self._store is None:
            fix = "publish the bundle into a store and serve that"
            raise SpecError(complain("a store of versions", "a single bundle", str(self._path), fix))
        return self._store

    def promote(self, name: str) -> Version:
        """Let a version serve: loaded and checked first, then made current, then swapped in."""
        made = self._warm(name)  # whoever rolls back meanwhile does not wait for it
        with self._promoting:
            version = self.store.promote(name, checked=made.stamp)
            self._install(made)
        return version

    def rollback(self) -> Version:
        """Let the version serve that served before: at once, as `keep` has it in memory."""
        before = self.store.before()
        made = self._ready(before) if before else None
        with self._promoting:
            version = self.store.rollback()
            self._install(made if made and version.name == before else self._ready(version.name))
        return version

    def other(self, name: str) -> Snapshot:
        """A snapshot of another version, with the items of now; the last one that was asked for is kept."""
        if name == self._now.version:
            return self._now
        with self._comparing:
            made = self._kept = self._warm(name)
        return made

    def keep(self) -> None:
        """Have the version in memory that a rollback goes to, with the items of now."""
        if self._store is None or not self._options.keep_previous:
            return
        name, kept, now = self._store.before() or "", self._before, self._now
        if name in ("", self._unkept, now.version):
            return
        if (
            kept is not None
            and (kept.version, kept.retirement) == (name, now.retirement)
            and kept.change >= now.change
        ):
            return
        try:
            made = self._warm(name)
        except BundleError as error:
            self._unkept = name
            log.error("a rollback would fail: %s", error)
            return
        with self._promoting:
            if self._store.before() == name:
                self._before = made

    def follow(self) -> bool:
        """Look whether another version is current, and let it serve; whether one took over.

        One that cannot be loaded, or fails a check, changes nothing: `refused` says why.
        """
        if self._store is None:
            return False
        name = ""
        try:
            name = self._store.current_name() or ""
            if name in ("", self._now.version):
                self.refused = ""
                return False
            if name == self._refused_name and time.monotonic() - self._refused_at < AGAIN:
                return False
            with self._promoting:  # whoever promotes through this engine holds it until that serves
                if self._store.current_name() == self._now.version:
                    return False
            made = self._warm(name)
            with self._promoting:
                if self._store.current_name() != name or name == self._now.version:
                    return False  # another one was promoted meanwhile; it is seen at the next look
                self._install(made)
        except Exception as error:  # whatever is wrong with it, what serves goes on serving
            refused = f"version {name!r}: {error}"
            log.error("a version was refused: %s", refused)
            self._refused_name, self._refused_at, self.refused = name, time.monotonic(), refused
            return False
        self.refused = self._refused_name = ""
        return True

    def catch_up(self) -> int:
        """Place items that are stored and not yet in the snapshot; how many changes that were."""
        self.retire()
        with self._placing:
            old = self._now
            changes = self._database.items_since(old.change, self._options.batch)
            if changes:
                waiting = self._database.items_waiting(changes[-1].change)
                self._swap(replace(self._placed(old, changes), waiting=waiting))
                for each in self._now.set_aside:
                    if each.change > old.change:
                        log.error("item change %d was set aside: %s", each.change, each.reason)
        return len(changes)

    def retire(self) -> None:
        """Take retired items out of what answers, and restored ones in; placing need not have ended."""
        with self._swapping:
            now = self._retired(self._now)
            if now is not self._now:
                self._now = now.warmed()

    def waiting(self) -> int:
        """Changes that are stored and not yet placed."""
        return self._database.items_waiting(self._now.change)

    def preview(self, snapshot: Snapshot, row: ChangedItem) -> Snapshot:
        """A snapshot with one more row, for nobody else to see."""
        return self._placed(snapshot, [row])

    def _warm(self, name: str) -> Snapshot:
        """A snapshot of a version with the items of now, and all that a request needs worked out."""
        return self._caught_up(self._ready(name)).warmed()

    def _ready(self, name: str) -> Snapshot:
        """A snapshot of a version, from memory where it is there."""
        for kept in (self._before, self._kept):
            if kept is not None and kept.version == name and kept.published == self.store.show(name).created:
                return kept
        return self._loaded(name)

    def _loaded(self, name: str) -> Snapshot:
        """A version from disk, checked, with the items of its bundle alone."""
        start = time.perf_counter()
        published, stamp = None, ""
        if self._store is None:
            model = load(self._path)
        else:
            stamp = self._store.stamp(name) if name else ""  # before: what is written meanwhile shows
            model = self._store.load(name or None, check=True)
            published = self._store.show(name).created
        model, missing = working(model, self._memory, self._options.warm)
        search: VectorSearch = EXACT
        if self._options.search == "hnsw":
            from sidelight.serving.search.hnsw_search import HnswSearch

            search = HnswSearch.build(model, self._options.recall)
        own, people = model.items, model.people
        made = Snapshot(
            version=name, model=model, change=0, loaded_at=datetime.now(UTC), base=len(own),
            items=IdIndex.of(own.ids), users=IdIndex.of(own.ids[:0] if people is None else people.ids),
            arrived=released(own.rows, self._options.released), columns=ItemSchema.of(own), missing=missing,
            search=search, reference=DriftReference.of(model), published=published, stamp=stamp,
        )  # fmt: skip
        log.info("version %s loaded in %.2f s", name, time.perf_counter() - start)
        for each in missing:
            log.warning("modality %s cannot be encoded here: %s", each.name, each.reason)
        return made

    def _install(self, made: Snapshot) -> None:
        """Swap a version in, with every item that is stored; most are placed before anybody has to wait."""
        made = self._caught_up(made)
        with self._placing:
            before = self._now
            self._swap(self._caught_up(made))
        self._before, self._kept = before if self._options.keep_previous else None, None
        log.info("version %s serves; before it %s", made.version, before.version)

    def _caught_up(self, snapshot: Snapshot) -> Snapshot:
        """A snapshot with every item that is stored."""
        while changes := self._database.items_since(snapshot.change, PAGE):
            snapshot = self._placed(snapshot, changes)
        caught = replace(snapshot, waiting=0) if snapshot.waiting else snapshot  # as warm as it is
        return self._retired(caught)

    def _swap(self, made: Snapshot) -> None:
        """Let a snapshot answer; what was retired since it was begun stays so."""
        made = made.warmed()
        with self._swapping:
            latest = self._retired(made)
            self._now = latest if latest is made else latest.warmed()

    def _retired(self, snapshot: Snapshot) -> Snapshot:
        """A snapshot with the items that are retired now; itself where nothing changed."""
        found = self._database.retired_since(snapshot.retirement)
        return snapshot if found is None else replace(snapshot, retirement=found[0], retired=found[1])

    def _placed(self, old: Snapshot, changes: list[ChangedItem]) -> Snapshot:
        """A snapshot with some more changes in it."""
        done = apply_changes(old.model, old.columns, changes)
        own = done.model.items
        new, changed = np.array(done.new, dtype=np.int64), np.array(done.changed, dtype=np.int64)
        dated = released(own.rows, self._options.released)
        dated[: old.n_items] = np.where(np.isnan(dated[: old.n_items]), old.arrived, dated[: old.n_items])
        dated[new] = np.where(np.isnan(dated[new]), done.arrived, dated[new])
        placed = {change.item_id for change in changes} - {each.item_id for each in done.set_aside}
        lacking = {column for each in old.missing for column in each.columns}
        short = {c.item_id for c in changes if any(c.row.get(name) is not None for name in lacking)} & placed
        aside = {each.item_id: each for each in old.set_aside if each.item_id not in placed}
        aside |= {each.item_id: each for each in done.set_aside}
        search, scorer = old.search, done.model.scorer
        if isinstance(scorer, HasVectors):
            search = search.grown(scorer.vectors, changed[own.popular[changed] == 0])
        return replace(
            old, model=done.model, change=changes[-1].change, items=old.items.plus(own.ids[new]),
            arrived=dated, incomplete=(old.incomplete - placed) | short,
            left_out=old.left_out | done.left_out, search=search, set_aside=tuple(aside.values()),
        )  # fmt: skip
