"""Input and output of re-ranking: scored candidates, the re-ranked list, and the items of a condition."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.errors import DataError, SpecError, complain, did_you_mean
from sidelight.serving.responses import RuleCost

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
Matches = Callable[[str, "str | float"], Mask]
Similarity = Callable[[int], "NDArray[np.floating]"]


@dataclass(frozen=True, eq=False)
class CandidatePool:
    """Scored candidates for one list, by position; each item once, best first where scores are equal.

    Args:
        ids: Outside item ids as text, (n,).
        scores: Finite floats, (n,); any order, any scale.
        new: bool (n,), items that count as new.
        age: Age of each item in days, float (n,), NaN for unknown; below 0 counts as 0. None: all unknown.
        matches: (column, value) -> bool (n,), see `AttributeTable`; needed by conditions on columns.
        similarity: position -> similarity of all items of the pool to that one, (n,); needed by diversity.

    Raises:
        DataError: Arrays of unequal length, or scores that are not finite.
    """

    ids: Sequence[str] | NDArray[np.str_]
    scores: NDArray[np.floating]
    new: Mask
    age: NDArray[np.floating] | None = None
    matches: Matches | None = None
    similarity: Similarity | None = None

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
    """List after re-ranking by rules.

    Args:
        order: int64 (length,), positions in the pool, best first.
        moved: int64 (length,), places that each item moved up (down: negative) against its rank in the pool.
        cost: Cost of the rules.
        pinned: bool (length,), slots that a pin holds.
        fresh: int64, positions of all new items that may be shown and are not pinned, best first by the ruled
            scores, those in the list included: the candidates of exploration.
        unplaced: Ids of pins that are not in the list: not in the pool, blocked, or beyond its end.
        floor_missing: Slots that the floor requires and for which the pool had no new item.
    """

    order: Places
    moved: Places
    cost: RuleCost
    pinned: Mask
    fresh: Places
    unplaced: tuple[str, ...] = ()
    floor_missing: int = 0


class AttributeTable:
    """Items of a catalogue by column value, cached. One per catalogue; safe between threads.

    Args:
        items: Item rows in the order of the catalogue.
    """

    def __init__(self, items: pl.DataFrame) -> None:
        # The cache holds the rows, not this object: a reference cycle would keep them alive too long.
        self._cached = functools.lru_cache(maxsize=64)(functools.partial(_mask, items))

    def mask(self, column: str, value: str | float) -> Mask:
        """Return bool (n_items,), read-only: the items that hold the value (list columns) or equal it.

        Missing values match nothing. A text is read as a number for a column of numbers, "true" and "false"
        for one of booleans; dates are compared as text, e.g. "2026-02-01".

        Raises:
            SpecError: An unknown column (the nearest is named), one that cannot be compared (vectors,
                images), or a value that does not fit it.
        """
        return self._cached(column, value)

    def of(self, rows: NDArray[np.integer]) -> Matches:
        """Return `CandidatePool.matches` for a pool of these rows of the catalogue."""
        return lambda column, value: self.mask(column, value)[rows]


def _mask(items: pl.DataFrame, column: str, value: str | float) -> Mask:
    """Compute `AttributeTable.mask`."""
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
        expected = "'true' or 'false'" if boolean else "a number"
        raise SpecError(complain(expected, repr(value), where)) from None


def _as_text(value: str | float, where: str) -> str:
    if isinstance(value, str):
        return value
    raise SpecError(complain("a text", f"the number {value!r}", where, "put it in quotes"))
