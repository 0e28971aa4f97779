"""Times of any spelling as int64 microseconds since 1970 (UTC)."""

from __future__ import annotations

from typing import Any

import polars as pl

UNITS: dict[str, int] = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}
FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%+",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f UTC",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%MZ",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d",
    "%m %d, %Y",
)
_SPAN = 9.2e18  # int64 microseconds reach no further


def to_microseconds(values: pl.Series, unit: str = "") -> tuple[pl.Series, str]:
    """Int64 microseconds UTC; null where a value is missing or cannot be read.

    Text is ISO 8601 in its usual spellings (times without offset are UTC), or a number. The unit
    of numbers is judged by the magnitude of their (lower) median: seconds below 1e11 (year 5138), then
    milliseconds, microseconds, nanoseconds by factors of 1000. Numbers of eight digits that are
    all dates (20240131) are read as dates.

    Args:
        values: Text, numbers, dates or datetimes.
        unit: "s", "ms", "us" or "ns" when it is known; anything else leaves it to be judged.

    Returns:
        The times, and the unit that was read: one of `UNITS`, or "text", "date".
    """
    unit = unit if unit in UNITS else ""
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us")).cast(pl.Int64), "date"
    if isinstance(values.dtype, pl.Datetime):
        if values.dtype.time_zone:
            values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return values.dt.cast_time_unit("us").cast(pl.Int64), "date"
    if values.dtype == pl.Boolean or isinstance(values.dtype, pl.List):
        return pl.Series(values.name, [None], dtype=pl.Int64).new_from_index(0, len(values)), "text"
    if values.dtype.is_numeric():
        whole = values.dtype.is_integer()
        return _from_numbers(values.cast(pl.Int64 if whole else pl.Float64, strict=False), unit)
    text = values.cast(pl.String, strict=False).str.strip_chars()
    numbers = _numbers(text)
    times, unit = _from_numbers(numbers, unit)
    if numbers.null_count() == text.null_count():
        return times, unit
    words = _from_text(text.set(numbers.is_not_null(), None))
    return times.zip_with(times.is_not_null(), words), unit if numbers.count() > words.count() else "text"


def _numbers(text: pl.Series) -> pl.Series:
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == text.null_count():
        return whole
    return text.cast(pl.Float64, strict=False)


def _from_numbers(numbers: pl.Series, unit: str) -> tuple[pl.Series, str]:
    finite = (
        numbers if numbers.dtype.is_integer() else numbers.set(~numbers.is_finite().fill_null(True), None)
    )
    if not unit and _are_dates(finite):
        text = finite.cast(pl.Int64).cast(pl.String)
        days = text.str.to_datetime("%Y%m%d", strict=False, time_unit="us").cast(pl.Int64)
        if days.null_count() == finite.null_count():
            return days, "date"
    unit = unit or _unit(finite)
    factor = UNITS[unit]
    if numbers.dtype.is_integer():
        fits = finite.abs() < int(_SPAN) // max(factor, 1)
        whole = finite.set(~fits.fill_null(True), None)
        return (whole // 1_000 if unit == "ns" else whole * factor), unit
    scaled = finite / 1_000 if unit == "ns" else finite * factor
    fits = scaled.abs() < _SPAN
    return scaled.round().set(~fits.fill_null(True), None).cast(pl.Int64), unit


def _are_dates(numbers: pl.Series) -> bool:
    low, high = numbers.min(), numbers.max()
    return low is not None and _number(low) >= 19_000_101 and _number(high) <= 21_001_231


def _unit(numbers: pl.Series) -> str:
    middle = numbers.abs().quantile(0.5, "lower")
    size = 0.0 if middle is None else _number(middle)
    return "s" if size < 1e11 else "ms" if size < 1e14 else "us" if size < 1e17 else "ns"


def _number(value: Any) -> float:
    return float(value)


def _from_text(text: pl.Series) -> pl.Series:
    """Format after format, each over what the earlier ones could not read."""
    todo = text.to_frame("text").with_row_index("at").drop_nulls()
    done = []
    for pattern in FORMATS:
        if todo.is_empty():
            break
        read = pl.col("text").str.to_datetime(pattern, strict=False, time_unit="us")
        tried = todo.with_columns(read.dt.replace_time_zone(None).cast(pl.Int64).alias("time"))
        done.append(tried.filter(pl.col("time").is_not_null()).select("at", "time"))
        todo = tried.filter(pl.col("time").is_null()).drop("time")
    times = pl.Series(text.name, [None], dtype=pl.Int64).new_from_index(0, len(text))
    for part in done:
        times = times.scatter(part["at"], part["time"])
    return times
