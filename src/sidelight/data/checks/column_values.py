"""Checks of columns: empty, constant, of another kind than declared, numbers and vectors out of range."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from sidelight.data.checks.checked_tables import Check, CheckedTables
from sidelight.data.findings import Finding
from sidelight.data.schema import TABLES, Column

ENOUGH = 50  # rows below which a pattern of values proves nothing
ID_NAME = re.compile(r"(^|_)(id|ids|code|sku|asin|isbn|ean|upc|gtin|uuid|url)$", re.IGNORECASE)
SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0)


def filled(t: CheckedTables) -> list[Finding]:
    """Report columns that are empty, nearly empty, or the same everywhere."""
    found = []
    for table in TABLES:
        frame = t.frame(table)
        for column in t.columns(table):
            values = frame[column.name]
            n, missing = len(values), values.null_count()
            if n == 0:
                continue
            if missing == n:
                found += t.found("empty-column", table, None, "expected values; found none", column.name)
            elif missing > 0.8 * n:
                message = f"present in {1 - missing / n:.1%} of the rows only"
                found += t.found("mostly-missing", table, values.is_null(), message, column.name)
            elif column.role != "weight" and n > 1 and not missing and _constant(values):
                found += t.found("constant-column", table, None, "every row holds {value}", column.name)
    return found


def _constant(values: pl.Series) -> bool:
    # Most columns show a second value in the first rows: look there before looking everywhere.
    return values.head(1000).n_unique() == 1 and values.n_unique() == 1


def kinds(t: CheckedTables) -> list[Finding]:
    """Report columns whose values look like another role than the declared one."""
    found = []
    for table in ("items", "users"):
        for column in t.columns(table, "text", "category"):
            values = t.frame(table)[column.name].drop_nulls()
            if values.dtype == pl.String and len(values) >= ENOUGH:
                found += _kind(t, table, column, values)
        for column in t.columns(table, "number"):
            found += _counter(t, table, column)
    return found


def _kind(t: CheckedTables, table: str, column: Column, values: pl.Series) -> list[Finding]:
    """Return at most one finding on a column of strings."""
    name, distinct = column.name, values.n_unique() / len(values)
    words = float(values.str.count_matches(r"\S+").mean() or 0.0)  # type: ignore[arg-type]
    number = values.str.strip_chars().str.contains(r"^[-+]?\d+([.,]\d+)?$")
    if 0.8 * len(values) <= number.sum() < len(values) and table == "items":
        here = t.frame(table)[name].is_in(values.filter(~number).unique().implode())
        message = "most values are numbers, these are not; e.g. {value}"
        return t.found("number-as-text", table, here, message, name)
    if distinct > 0.98 and words <= 1.01 and values.str.contains(r"\d").mean() == 1.0:
        return t.found("id-like-content", table, None, "every row has its own code; e.g. {value}", name)
    if column.role == "category" and distinct > 0.5 and words >= 4:
        message = f"{distinct:.0%} of the values differ, {words:.0f} words each; e.g. {{value}}"
        return t.found("text-in-category", table, None, message, name)
    few = values.n_unique() <= max(20, len(values) // 100)
    if column.role == "text" and few and distinct < 0.2 and words <= 3 and values.n_unique() > 1:
        message = f"only {values.n_unique():,} different values; e.g. {{value}}"
        return t.found("category-in-text", table, None, message, name)
    return []


def _counter(t: CheckedTables, table: str, column: Column) -> list[Finding]:
    """Report a number that identifies the row: whole, all different, and named or running like an id."""
    values = t.frame(table)[column.name].drop_nulls()
    if len(values) < ENOUGH or values.n_unique() < 0.98 * len(values):
        return []
    array = values.cast(pl.Float64).to_numpy()
    if not np.isfinite(array).all() or (array != np.floor(array)).any():
        return []
    running = bool((np.diff(array) > 0).mean() > 0.98)
    if not running and not ID_NAME.search(column.name):
        return []
    message = "every row has its own whole number; e.g. {value}"
    return t.found("id-like-content", table, None, message, column.name, len(values))


def numbers(t: CheckedTables) -> list[Finding]:
    """Report NaN and infinity, values far outside the rest, and codes such as -1 for "not known"."""
    found = []
    for table in TABLES:
        for column in t.columns(table, "number", "weight", "context"):
            values = t.frame(table)[column.name]
            if not values.dtype.is_numeric():
                continue
            array = values.cast(pl.Float64).to_numpy()
            known = ~values.is_null().to_numpy()
            odd = np.flatnonzero(known & ~np.isfinite(array))
            message = "expected a finite number; found {value}"
            found += t.found("number-nonfinite", table, odd, message, column.name)
            if column.role == "number":
                found += _outside(t, table, column.name, array)
    return found


def _outside(t: CheckedTables, table: str, name: str, array: np.ndarray) -> list[Finding]:
    finite = np.isfinite(array)
    if finite.sum() < ENOUGH:
        return []
    below = np.flatnonzero(finite & (array < 0))
    if 0 < len(below) < 0.5 * finite.sum() and np.ptp(array[below]) == 0 and array[below[0]] in SENTINELS:
        return t.found("sentinel-number", table, below, "the only negative value is {value}", name)
    # Amounts and counts spread over orders of magnitude: judge them by their logarithm.
    scale = np.log1p(array, where=finite, out=np.zeros_like(array)) if not len(below) else array
    low, high = np.percentile(scale[finite], (25, 75))
    if high == low:
        return []
    far = np.flatnonzero(finite & ((scale > high + 6 * (high - low)) | (scale < low - 6 * (high - low))))
    if len(far) > 0.01 * finite.sum():  # a heavy tail, not a slip
        return []
    one, three = (_plain(float(q)) for q in np.percentile(array[finite], (25, 75)))
    message = f"far outside: {{value}}; half of all lie between {one} and {three}"
    return t.found("number-outlier", table, far, message, name)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:g}"


def ratings(t: CheckedTables) -> list[Finding]:
    """Report weights on a scale such as 1 to 5, where a low one says "disliked"."""
    if not t.columns("interactions", "weight") or not len(t.events):
        return []
    levels = t.events["weight"].unique().drop_nulls().sort().to_numpy()
    halves = bool((levels * 2 == np.floor(levels * 2)).all())
    if not (3 <= len(levels) <= 10 and halves and levels[0] >= 0.5 and 3 <= levels[-1] <= 10):
        return []
    low = int((t.events["weight"] < (levels[0] + levels[-1]) / 2).sum())
    shown = ", ".join(f"{x:g}" for x in levels)
    message = f"weights are {shown}; {low:,} events lie below the middle"
    return t.found("rating-as-weight", "interactions", None, message, "weight", low)


def vectors(t: CheckedTables) -> list[Finding]:
    """Report rows whose vector is of another length than most, not finite, or all zeros."""
    found = []
    for name in (c.name for c in t.columns("items", "vector")):
        kind = t.items[name].dtype
        if not isinstance(kind, (pl.List, pl.Array)):
            continue
        cell = pl.col(name).list if isinstance(kind, pl.List) else pl.col(name).arr.to_list().list
        one = pl.element().cast(pl.Float64)
        seen = t.items.select(
            length=cell.len(),
            sound=cell.eval(one.is_finite().fill_null(False)).list.all(),
            zero=cell.eval(one == 0).list.all(),
        )
        usual = seen["length"].drop_nulls().mode()
        if not len(usual):
            continue
        dim = int(usual.sort()[-1])
        length = f"expected {dim} numbers as in most rows; found {{value}}"
        for defect, rows, message in (
            ("vector-length", seen["length"] != dim, length),
            ("vector-nonfinite", ~seen["sound"], "holds NaN, infinity or null; e.g. {value}"),
            ("vector-zero", seen["zero"] & (seen["length"] > 0), "all zeros; e.g. {value}"),
        ):
            found += t.found(defect, "items", rows.fill_null(False), message, name)
    return found


CHECKS: tuple[Check, ...] = (filled, kinds, numbers, ratings, vectors)
