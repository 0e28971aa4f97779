"""Conversion of columns of any polars type to the few types that the rest of reading supports."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

_KEPT = (pl.String, pl.Boolean, pl.Binary, pl.Date, pl.Int64, pl.Float64)


def plain(values: pl.Series) -> pl.Series:
    """Convert to String, Int64, Float64, Boolean, Date, Datetime, Binary or a List of the first three.

    Categories, times of day and null columns become text, decimals floats, durations seconds, arrays
    lists; structs, nested lists and Python objects become their JSON text. Whole numbers beyond 64
    bits become text, so that no digit is lost.
    """
    kind: Any = values.dtype
    if kind in _KEPT or isinstance(kind, pl.Datetime):
        return values
    if kind.is_integer():
        whole = values.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == values.null_count() else values.cast(pl.String)
    if kind.is_numeric():
        return values.cast(pl.Float64)
    if isinstance(kind, pl.Duration):
        return values.dt.total_microseconds() / 1e6
    if isinstance(kind, (pl.List, pl.Array)):
        return _lists(values, kind.inner)
    if isinstance(kind, pl.Struct):
        return values.struct.json_encode().set(values.is_null(), None)
    if kind == pl.Object:
        texts = [None if is_missing(v) else as_text(v) for v in values.to_list()]
        return pl.Series(values.name, texts, dtype=pl.String)
    return values.cast(pl.String)


def _lists(values: pl.Series, inner: Any) -> pl.Series:
    if inner.is_integer() and inner not in (pl.UInt64, pl.Int128):
        return values.cast(pl.List(pl.Int64))
    if inner.is_numeric():
        return values.cast(pl.List(pl.Float64 if inner.is_float() else pl.String))
    if isinstance(inner, (pl.List, pl.Array, pl.Struct)) or inner in (pl.Object, pl.Binary):
        texts = [None if v is None else as_text(v) for v in values.to_list()]
        return pl.Series(values.name, texts, dtype=pl.String)
    return values.cast(pl.List(pl.String))


def nulls(name: str, dtype: Any, count: int) -> pl.Series:
    """Return a column of missing values."""
    return pl.repeat(None, count, dtype=dtype, eager=True).alias(name)


def filled(values: pl.Series) -> pl.Series:
    """Mark values that are there: not null, no blank text, no empty list."""
    there = values.is_not_null()
    if values.dtype == pl.String:
        there &= (values.str.strip_chars() != "").fill_null(False)
    elif isinstance(values.dtype, pl.List):
        there &= (values.list.len() > 0).fill_null(False)
    return there


def as_text(value: Any) -> str:
    """Return the text of a value; objects and lists as JSON, 2.0 as "2.0", true as "true"."""
    if isinstance(value, (dict, list, tuple, bool)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return sound(str(value))


def sound(text: str) -> str:
    """Return text that UTF-8 can hold: halves of a surrogate pair are joined, one alone becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def is_missing(value: Any) -> bool:
    """Test whether a Python value is a missing one: None, NaN, NaT, `pandas.NA`."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas.NA has no truth; arrays have many
        return type(value).__name__ == "NAType"
