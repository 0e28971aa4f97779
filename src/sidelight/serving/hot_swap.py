"""Hot swap of snapshots: promotion, rollback, following the store and placing items under traffic."""

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

AGAIN = 30.0  # seconds after which a refused version is tried again
PAGE = 10_000  # changes applied at a time to a version that was just loaded

log = logging.getLogger(__name__)


class HotSwap:
    """Holder of the serving snapshot, which is replaced here alone, by one assignment.

    Args:
        source: A store, or the folder of a single bundle.
        database: Database with the items that came after the bundle.
        options: Options of the engine.

    Raises:
        BundleError: No version serves, or it is damaged or fails its canaries.
    """

    def __init__(self, source: Store | Path, database: Database, options: EngineOptions) -> None:
        self._store = source if isinstance(source, Store) else None
        self._path = Path() if isinstance(source, Store) else Path(source)
        self._database, self._options, self._memory = database, options, EncodingCache()
        self._promoting, self._placing = threading.Lock(), threading.Lock()
        self._swapping, self._comparing = threading.Lock(), threading.Lock()  # the first is the innermost
        self._before: Snapshot | None = None  # target of a rollback
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
        """The serving snapshot."""
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
        """Let a version serve: it is loaded and checked first, then made current, then swapped in."""
        snapshot = self._warm(name)  # outside the lock: a rollback meanwhile does not wait for it
        with self._promoting:
            version = self.store.promote(name, checked=snapshot.stamp)
            self._install(snapshot)
        return version

    def rollback(self) -> Version:
        """Let the previous version serve again: at once, as `keep` holds it in memory."""
        before = self.store.before()
        snapshot = self._ready(before) if before else None
        with self._promoting:
            version = self.store.rollback()
            same = snapshot is not None and version.name == before
            self._install(snapshot if snapshot and same else self._ready(version.name))
        return version

    def other(self, name: str) -> Snapshot:
        """Return a snapshot of another version with all placed items; the last one is kept in memory."""
        if name == self._now.version:
            return self._now
        with self._comparing:
            snapshot = self._kept = self._warm(name)
        return snapshot

    def keep(self) -> None:
        """Hold the target of a rollback in memory, with all placed items."""
        if self._store is None or not self._options.keep_previous:
            return
        name, kept, now = self._store.before() or "", self._before, self._now
        if name in ("", self._unkept, now.version):
            return
        same = kept is not None and (kept.version, kept.retirement) == (name, now.retirement)
        if kept is not None and same and kept.change >= now.change:
            return
        try:
            snapshot = self._warm(name)
        except BundleError as error:
            self._unkept = name
            log.error("a rollback would fail: %s", error)
            return
        with self._promoting:
            if self._store.before() == name:
                self._before = snapshot

    def follow(self) -> bool:
        """Let another version serve if the store has made it current; return whether one took over.

        A version that cannot be loaded, or fails a check, changes nothing: `refused` has the reason.
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
            with self._promoting:  # held by a promotion through this engine until the version serves
                if self._store.current_name() == self._now.version:
                    return False
            snapshot = self._warm(name)
            with self._promoting:
                if self._store.current_name() != name or name == self._now.version:
                    return False  # another one was promoted meanwhile; the next round finds it
                self._install(snapshot)
        except Exception as error:  # the present version goes on serving, whatever the defect
            refused = f"version {name!r}: {error}"
            log.error("a version was refused: %s", refused)
            self._refused_name, self._refused_at, self.refused = name, time.monotonic(), refused
            return False
        self.refused = self._refused_name = ""
        return True

    def catch_up(self) -> int:
        """Place items that are stored and not yet in the snapshot; return the number of changes."""
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
        """Apply retirements to the serving snapshot; placing may still be in progress."""
        with self._swapping:
            now = self._retired(self._now)
            if now is not self._now:
                self._now = now.warmed()

    def waiting(self) -> int:
        """Count the changes that are stored and not yet placed."""
        return self._database.items_waiting(self._now.change)

    def preview(self, snapshot: Snapshot, row: ChangedItem) -> Snapshot:
        """Return a snapshot with one more row, which does not serve."""
        return self._placed(snapshot, [row])

    def _warm(self, name: str) -> Snapshot:
        """Return a snapshot of a version with all placed items and with warm caches."""
        return self._caught_up(self._ready(name)).warmed()

    def _ready(self, name: str) -> Snapshot:
        """Return a snapshot of a version, from memory if it is there."""
        for kept in (self._before, self._kept):
            if kept is not None and kept.version == name and kept.published == self.store.show(name).created:
                return kept
        return self._loaded(name)

    def _loaded(self, name: str) -> Snapshot:
        """Load and check a version from disk; it has the items of its bundle alone."""
        start = time.perf_counter()
        published, stamp = None, ""
        if self._store is None:
            model = load(self._path)
        else:
            stamp = self._store.stamp(name) if name else ""  # before loading: later writes change it
            model = self._store.load(name or None, check=True)
            published = self._store.show(name).created
        model, missing = working(model, self._memory, self._options.warm)
        search: VectorSearch = EXACT
        if self._options.search == "hnsw":
            from sidelight.serving.search.hnsw_search import HnswSearch

            search = HnswSearch.build(model, self._options.recall)
        own, people = model.items, model.people
        snapshot = Snapshot(
            version=name, model=model, change=0, loaded_at=datetime.now(UTC), base=len(own),
            items=IdIndex.of(own.ids), users=IdIndex.of(own.ids[:0] if people is None else people.ids),
            arrived=released(own.rows, self._options.released), columns=ItemSchema.of(own), missing=missing,
            search=search, reference=DriftReference.of(model), published=published, stamp=stamp,
        )  # fmt: skip
        log.info("version %s loaded in %.2f s", name, time.perf_counter() - start)
        for each in missing:
            log.warning("modality %s cannot be encoded here: %s", each.name, each.reason)
        return snapshot

    def _install(self, snapshot: Snapshot) -> None:
        """Swap a version in, with every stored item; most are placed before the lock is taken."""
        snapshot = self._caught_up(snapshot)
        with self._placing:
            before = self._now
            self._swap(self._caught_up(snapshot))
        self._before, self._kept = before if self._options.keep_previous else None, None
        log.info("version %s serves; before it %s", snapshot.version, before.version)

    def _caught_up(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot with every stored item."""
        while changes := self._database.items_since(snapshot.change, PAGE):
            snapshot = self._placed(snapshot, changes)
        caught = replace(snapshot, waiting=0) if snapshot.waiting else snapshot  # as warm as it is
        return self._retired(caught)

    def _swap(self, snapshot: Snapshot) -> None:
        """Let a snapshot serve; retirements since its creation are applied."""
        snapshot = snapshot.warmed()
        with self._swapping:
            latest = self._retired(snapshot)
            self._now = latest if latest is snapshot else latest.warmed()

    def _retired(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot with the items that are retired now; itself if nothing changed."""
        changed = self._database.retired_since(snapshot.retirement)
        return snapshot if changed is None else replace(snapshot, retirement=changed[0], retired=changed[1])

    def _placed(self, old: Snapshot, changes: list[ChangedItem]) -> Snapshot:
        """Return a snapshot with further changes applied."""
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
