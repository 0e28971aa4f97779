"""Immutable snapshot of a model with its items, which answers one request as a whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.ids import text_id, whole_id
from sidelight.errors import SpecError, UnknownIdError, complain, did_you_mean
from sidelight.models.scorer import Context, ContextAware, Scorer
from sidelight.serving.drift import DriftReference
from sidelight.serving.items.encoder_cache import MissingPart
from sidelight.serving.items.item_schema import ItemSchema
from sidelight.serving.rerank.candidates import AttributeTable
from sidelight.serving.responses import SetAside
from sidelight.serving.search.exact_search import EXACT, VectorSearch
from sidelight.serving.search.text_search import TextSearch

if TYPE_CHECKING:
    from sidelight.models.recommender import Recommender

Places = NDArray[np.integer]
HIDDEN = ("image_path", "image_bytes", "vector")  # roles of columns that are not shown
DAY = 86_400.0
NEIGHBOURS = 50  # ids on either side that are compared with a misspelt one
CLICKS = "new items"  # reported by models that know items by their clicks and cannot place new ones


@dataclass(frozen=True, eq=False)
class IdIndex:
    """Map from outside ids to inner indices.

    Args:
        stored: Ids of the bundle, shared by all snapshots of a version.
        later: Ids that came after it.
        numeric: Ids are whole numbers; text is read as one.
    """

    stored: Mapping[Any, int]
    later: Mapping[Any, int]
    numeric: bool

    @classmethod
    def of(cls, ids: NDArray[Any]) -> IdIndex:
        """Build the map of items or users."""
        return cls(dict(zip(ids.tolist(), range(len(ids)), strict=True)), {}, ids.dtype.kind in "iu")

    def plus(self, ids: NDArray[Any]) -> IdIndex:
        """Return the map with further ids appended."""
        size = len(self.stored) + len(self.later)
        new = dict(zip(ids.tolist(), range(size, size + len(ids)), strict=True))
        return dataclasses.replace(self, later={**self.later, **new})

    def find(self, name: str) -> int:
        """Return the inner index of an id, -1 for an unknown one."""
        for key in (whole_id(name),) if self.numeric else (name, text_id(name)):
            at = self.stored.get(key, self.later.get(key))
            if at is not None:
                return at
        return -1


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Model with its items at one point in time.

    Args:
        version: Name of the version.
        model: Model with every item that is placed.
        change: Number of the last item change that is placed.
        loaded_at: Time at which the version was loaded, UTC.
        base: Items of the bundle; those behind them arrived later.
        items, users: Outside ids.
        arrived: float64 (n_items,), arrival or release of an item, seconds since 1970, NaN unknown.
        columns: Schema of the item rows.
        missing: Modalities that cannot be encoded here.
        incomplete: Items placed without one of these although their row has it.
        left_out: Columns of stored rows that this version does not have.
        search: Search for the best scores.
        reference: Reference distributions for drift.
        waiting: Changes that were stored and not yet placed at creation.
        set_aside: Changes that could not be placed.
        published: Time of publication, None without a store.
        retired, retirement: Ids that no list may hold, and the number of the last change to them.
        stamp: Stamp of its files before it was loaded and checked, "" without a store.
    """

    version: str
    model: Recommender
    change: int
    loaded_at: datetime
    base: int
    items: IdIndex
    users: IdIndex
    arrived: NDArray[np.float64]
    columns: ItemSchema
    missing: tuple[MissingPart, ...] = ()
    incomplete: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    search: VectorSearch = EXACT
    reference: DriftReference = field(default_factory=DriftReference)
    waiting: int = 0
    set_aside: tuple[SetAside, ...] = ()
    published: datetime | None = None
    retired: frozenset[str] = frozenset()
    retirement: int = 0
    stamp: str = ""

    def warmed(self) -> Snapshot:
        """Compute all cached values that a request needs, and return the snapshot itself."""
        _ = self.new, self.popular, self.titles, self.attributes, self.context_aware, self.out
        return self

    @property
    def n_items(self) -> int:
        """Number of items, those that arrived included."""
        return len(self.model.items)

    @cached_property
    def new(self) -> NDArray[np.bool_]:
        """bool (n_items,): the item had no interactions in training."""
        return np.asarray(self.model.items.popular == 0)

    @cached_property
    def out(self) -> NDArray[np.int64]:
        """Inner indices of the retired items, ascending."""
        found = (self.items.find(item) for item in self.retired)
        return np.array(sorted(at for at in found if at >= 0), dtype=np.int64)

    def kept(self, places: Places, k: int) -> list[int]:
        """Return the first k of some items that are not retired."""
        return [int(at) for at in places[: k + len(self.out)] if at not in self.out][:k]

    @cached_property
    def newest(self) -> NDArray[np.int64]:
        """New items by arrival or release, the latest first; those of unknown time last, by index."""
        fresh = np.flatnonzero(self.new)
        return fresh[np.argsort(-self.arrived[fresh], kind="stable")]

    @cached_property
    def popular(self) -> NDArray[np.int64]:
        """int64 (n_items,), items by popularity, ties by index."""
        return np.argsort(-self.model.items.popular, kind="stable")

    @cached_property
    def context_aware(self) -> bool:
        """The model uses user and context; cached, as the protocol check is slow."""
        return isinstance(self.model.scorer, ContextAware)

    @cached_property
    def attributes(self) -> AttributeTable:
        """Items by column value."""
        return AttributeTable(self.model.items.rows)

    @cached_property
    def title_column(self) -> str | None:
        """Column with the names of items: "title", "name", or the first one of text."""
        own = self.model.items
        texts = [c.name for c in own.columns if c.role == "text"]
        found = [c for c in ("title", "name", *texts) if c in own.rows.columns]
        usable = [c for c in found if own.rows[c].dtype == pl.String]
        return usable[0] if usable else None

    @cached_property
    def titles(self) -> pl.Series | None:
        """Titles of all items, or None without a title column."""
        return None if self.title_column is None else self.model.items.rows[self.title_column]

    @cached_property
    def words(self) -> TextSearch:
        """Text search; built at the first search."""
        own = self.model.items
        texts = [c.name for c in own.columns if c.role == "text" and c.name != self.title_column]
        others = [own.rows[c] for c in texts if own.rows[c].dtype == pl.String]
        return TextSearch.of(own.ids, self.titles, others, own.popular)

    @cached_property
    def shown_columns(self) -> list[str]:
        """Columns of a row that can be shown."""
        own = self.model.items
        hidden = {c.name for c in own.columns if c.role in HIDDEN}
        schema = own.rows.schema.items()
        return [name for name, dtype in schema if name not in hidden and dtype != pl.Binary]

    def with_context(
        self, users: NDArray[np.int64], context: Context | None = None
    ) -> tuple[Scorer, NDArray[np.bool_] | None]:
        """Condition the scorer on user and context; also mark the rows whose scores that changes."""
        scorer = self.model.scorer
        if not self.context_aware:
            return scorer, None
        conditioned = cast(ContextAware, scorer).with_context(users, {} if context is None else context)
        return conditioned, cast(ContextAware, conditioned).uses_context()

    def id_of(self, at: int) -> str:
        """Return the outside id of an item."""
        return str(self.model.items.ids[at])

    def titles_of(self, places: Sequence[int] | Places) -> list[str]:
        """Return the titles of some items; the id for an item without one."""
        if self.titles is None:
            return [self.id_of(at) for at in places]
        # One by one: for some dozens of rows polars would take longer to plan than to read.
        return [self.titles[int(at)] or self.id_of(at) for at in places]

    def need(self, item: str, what: str = "an item") -> int:
        """Return the inner index of an item that must exist.

        Raises:
            UnknownIdError: It does not; a similar id is named.
        """
        at = self.items.find(item)
        if at < 0:
            fix = did_you_mean(item[:100], self._beside(item[:100]))
            raise UnknownIdError(complain(f"{what} from the catalogue", repr(item[:100]), fix=fix))
        return at

    def _beside(self, item: str) -> list[str]:
        """Return the ids of the bundle next to one in sorted order: comparing all would take too long."""
        ids = self.model.items.ids[: self.base]
        if not self.items.numeric:
            at = int(np.searchsorted(ids, np.array(item, dtype=ids.dtype)))
        else:
            at = int(np.searchsorted(ids, int(item))) if item.isdecimal() and len(item) < 19 else 0
        return [str(each) for each in ids[max(0, at - NEIGHBOURS) : at + NEIGHBOURS]]

    def find(self, items: Iterable[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Return distinct inner indices in the order of the last occurrence, and the unknown ids."""
        known: dict[int, None] = {}
        unknown: dict[str, None] = {}
        for item in items:
            at = self.items.find(item)
            if at < 0:
                unknown[item] = None
            else:
                known.pop(at, None)
                known[at] = None
        return np.fromiter(known, np.int64, len(known)), tuple(unknown)

    def ages(self, places: Places) -> NDArray[np.float64]:
        """Return the age of items in days, float64, NaN where it is unknown."""
        return (datetime.now(UTC).timestamp() - self.arrived[places]) / DAY

    def row(self, at: int) -> dict[str, Any]:
        """Return the columns of an item as plain values: times are ISO texts."""
        row = self.model.items.rows[self.shown_columns].row(at, named=True)
        return {n: v.isoformat() if isinstance(v, date) else v for n, v in row.items()}


def released(items: pl.DataFrame, column: str | None) -> NDArray[np.float64]:
    """Convert a column of dates to seconds since 1970, float64 (n_items,); NaN for missing ones.

    Raises:
        SpecError: There is no such column, or it holds no dates.
    """
    if column is None:
        return np.full(len(items), np.nan)
    if column not in items.columns:
        fix = did_you_mean(column, items.columns)
        raise SpecError(complain("an item column of dates", repr(column), "released", fix))
    series = items[column]
    if series.dtype == pl.String:
        series = series.str.to_datetime(strict=False, time_zone="UTC")
    unreadable = series.null_count() == len(items) > items[column].null_count()
    if not series.dtype.is_temporal() or unreadable:
        raise SpecError(complain("a column of dates", f"{items[column].dtype}", f"released = {column!r}"))
    micros = series.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64).to_numpy()
    return np.asarray(micros / 1e6, dtype=np.float64)
