"""What rules take and give: scored candidates, a list and its cost; and which items a condition means."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import DataError, SpecError, complain, did_you_mean
from sidelight.serving.recommend.responses import RuleCost

if TYPE_CHECKING:
    import polars as pl

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
Matches = Callable[[str, "str | float"], Mask]
Near = Callable[[int], "NDArray[np.floating]"]


@dataclass(frozen=True, eq=False)
class CandidatePool:
    """Scored candidates for one list, by position; each item once, best first where scores are equal.

    Args:
        ids: Outside item ids as text, (n,).
        scores: Finite floats, (n,); any order, any scale.
        new: bool (n,), items that count as new.
        age: Age of each item in days, float (n,), NaN for unknown; below 0 counts as 0. None: all unknown.
        matches: (column, value) -> bool (n,), see `Attributes`; needed by conditions on columns.
        similarity: position -> likeness of all items of the pool to that one, (n,); needed by diversity.

    Raises:
        DataError: Arrays of unequal length, or scores that are not finite.
    """

    ids: Sequence[str] | NDArray[np.str_]
    scores: NDArray[np.floating]
    new: Mask
    age: NDArray[np.floating] | None = None
    matches: Matches | None = None
    similarity: Near | None = None

    def __post_init__(self) -> None:
        sizes = {len(self.ids), *np.shape(self.scores), *np.shape(self.new)}
        if self.age is not None:
            sizes.update(np.shape(self.age))
        if len(sizes) != 1:
            raise DataError(complain("ids, scores, new and age of one length", f"{sorted(sizes)}", "a pool"))
        if np.asarray(self.new).dtype != bool:
            raise DataError(complain("booleans", f"{np.asarray(self.new).dtype}", "a pool, new"))
        if not np.isfinite(self.scores).all():
            raise DataError(complain("finite scores", "NaN or infinity", "a pool"))


@dataclass(frozen=True, eq=False)
class RuleResult:
    """A list after rules.

    Args:
        order: int64 (length,), positions in the pool, best first.
        moved: int64 (length,), places that each item moved up (down: negative) against its rank in the pool.
        cost: What the rules cost.
        pinned: bool (length,), slots that a pin holds.
        fresh: int64, positions of all new items that may be shown and are not pinned, best first by the ruled
            scores, those in the list included: the candidates of exploration.
        unplaced: Ids of pins that are not in the list: not in the pool, blocked, or beyond its end.
        floor_missing: Slots that the floor asked for and for which the pool had no new item.
    """

    order: Places
    moved: Places
    cost: RuleCost
    pinned: Mask
    fresh: Places
    unplaced: tuple[str, ...] = ()
    floor_missing: int = 0


class AttributeTable:
    """Which items of a catalogue have a value in a column. Made once a catalogue; safe between threads.

    Args:
        items: Item rows in the catalogue's order.
    """

    def __init__(self, items: pl.DataFrame) -> None:
        # Of the rows and not of itself: in a circle with its cache it would keep them long after their time.
        self._cached = functools.lru_cache(maxsize=64)(functools.partial(_mask, items))

    def mask(self, column: str, value: str | float) -> Mask:
        """bool (n_items,), not to be changed: a list column holds the value, any other one equals it.

        Missing values match nothing. A text is read as a number for a column of numbers, "true" and "false"
        for one of booleans; dates are compared as text, e.g. "2026-02-01".

        Raises:
            SpecError: An unknown column (the nearest is named), one that cannot be compared (vectors,
                images), or a value that does not fit it.
        """
        return self._cached(column, value)

    def of(self, rows: NDArray[np.integer]) -> Matches:
        """`Pool.matches` for a pool of these rows of the catalogue."""
        return lambda column, value: self.mask(column, value)[rows]


def _mask(items: pl.DataFrame, column: str, value: str | float) -> Mask:
    """See `Attributes.mask`."""
    import polars as pl

    if column not in items.columns:
        hint = did_you_mean(column, items.columns)
        raise SpecError(complain("an item column", repr(column), "a condition", hint))
    series = items[column]
    kind = series.dtype
    where = f"a condition on {column!r}"
    if kind.is_numeric() or kind == pl.Boolean:
        found = series.cast(pl.Float64) == _as_number(value, kind == pl.Boolean, where)
    elif isinstance(kind, pl.List) and kind.inner in (pl.String, pl.Categorical):
        found = series.cast(pl.List(pl.String)).list.contains(_as_text(value, where))
    elif kind in (pl.String, pl.Categorical, pl.Enum) or kind.is_temporal():
        found = series.cast(pl.String) == _as_text(value, where)
    else:
        raise SpecError(complain("a column of texts, labels, numbers or dates", f"{kind}", where))
    mask: Mask = found.fill_null(False).to_numpy().astype(bool)
    mask.flags.writeable = False
    return mask


def _as_number(value: str | float, boolean: bool, where: str) -> float:
    if boolean and value in ("true", "false"):
        return float(value == "true")
    try:
        return float(value)
    except ValueError:
        wanted = "'true' or 'false'" if boolean else "a number"
        raise SpecError(complain(wanted, repr(value), where)) from None


def _as_text(value: str | float, where: str) -> str:
    if isinstance(value, str):
        return value
    raise SpecError(complain("a text", f"the number {value!r}", where, "put it in quotes"))


def number(value: object, low: float, high: float, where: str, what: str = "") -> None:
    """Refuse what is no finite number from low to high."""
    try:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = fits and math.isfinite(value) and low <= value <= high  # type: ignore[arg-type,operator]
        found = "" if fits else repr(value)[:80]
    except OverflowError:
        fits, found = False, "a number beyond all bounds"
    if not fits:
        raise SpecError(complain(what or f"a number from {low:g} to {high:g}", found, where))


def text(value: object, longest: int, where: str) -> None:
    """Refuse what is no text of 1 to `longest` characters that can be written as UTF-8."""
    fits = isinstance(value, str) and 1 <= len(value) <= longest
    if not fits or not isinstance(value, str) or any("\ud800" <= c <= "\udfff" for c in value):
        raise SpecError(complain(f"a text of 1 to {longest} characters", repr(value)[:80], where))
