"""Parser of times in any notation to int64 microseconds since 1970 (UTC)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import polars as pl

from sidelight.data.coerce_types import nulls

UNITS: dict[str, int] = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}
_DAY = 86_400_000_000
_YEAR = 31_556_952_000_000
_EXCEL = -25_569 * _DAY  # serial 0 of a spreadsheet is 1899-12-30
_SECONDS = (631_152_000, 4_133_980_800)  # 1990 to 2101
# Numbers that are times, by unit: no two ranges overlap, so the magnitude tells the unit.
_RANGES: dict[str, tuple[int, int]] = {
    **{unit: (_SECONDS[0] * 1000**n, _SECONDS[1] * 1000**n) for n, unit in enumerate(UNITS)},
    "date": (19_000_101, 21_001_231),
    "%Y%m%d%H%M%S": (19_900_101_000_000, 21_001_231_235_959),
    "%Y%m%d%H%M": (199_001_010_000, 210_012_312_359),
    "%Y%m": (199_001, 210_012),
    "%Y": (1990, 2100),
    "excel": (32_874, 73_415),
}  # fmt: skip
WEAK = ("%Y%m", "%Y", "excel")  # ranges that counters and prices reach as well
_ISO = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%+",
)
_CLOCK = (
    r"^(?<date>.*?[^T\s,])(?:[T\s,]+(?<h>\d{1,2}):(?<m>\d{2})(?::(?<s>\d{2})(?:[.,](?<f>\d{1,6})\d*)?)?"
    r"\s*(?<half>(?i:[ap]))?(?i:\.?m\.?)?\s*(?i:Z|UTC|GMT)?\s*(?<zone>[+-]\d{1,2}(?::?\d{2})?)?)?$"
)
_ORDERS = ("%d-%B-%Y", "%B-%d-%Y", "%Y-%B-%d", "%Y-%m-%d", "%Y%m%d", "%Y-%m", "%d-%B-%y")
_SPAN = 9.2e18  # int64 microseconds reach no further


def to_microseconds(values: pl.Series, unit: str = "") -> tuple[pl.Series, str]:
    """Convert times to int64 microseconds UTC; null where a value is missing or cannot be read.

    One notation holds for the whole column: a value that it does not fit is null, whatever it could
    mean by itself. Text is ISO 8601 or a usual date with or without a time of day (times without
    offset are UTC); whether the day or the month comes first is decided by the days above 12 of all
    values. Numbers are seconds, milli-, micro- or nanoseconds since 1970, dates (20240131), months,
    years, or days as spreadsheets count them: what makes most of them a time between 1990 and 2100,
    else what the lower median suggests (seconds below 1e11, then factors of 1000).

    Args:
        values: Text, numbers, dates or datetimes.
        unit: Declared unit: one of `UNITS`, "excel", "dmy" or "mdy" (order of day, month, year),
            or a strptime pattern such as "%d.%m.%Y"; anything else leaves it to be judged.

    Returns:
        The times, and the unit that was read: one of `sidelight.data.schema.UNITS`, or a pattern.
    """
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us")).cast(pl.Int64), "date"
    if isinstance(values.dtype, pl.Datetime):
        if values.dtype.time_zone:
            values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return values.dt.cast_time_unit("us").cast(pl.Int64), "date"
    if values.dtype in (pl.Boolean, pl.Binary) or isinstance(values.dtype, pl.List):
        return nulls(values.name, pl.Int64, len(values)), "text"
    if "%" in unit:
        return _by_pattern(_digits(values), unit), unit
    if values.dtype.is_numeric():
        whole = values.dtype.is_integer()
        return _from_numbers(values.cast(pl.Int64 if whole else pl.Float64, strict=False), unit)
    text = values.cast(pl.String, strict=False).str.strip_chars()
    numbers = _numbers(text)
    times, read = _from_numbers(numbers, unit)
    if numbers.null_count() == text.null_count():
        return times, read
    words, order = _from_text(text.set(numbers.is_not_null(), None), unit)
    return times.zip_with(times.is_not_null(), words), read if numbers.count() > words.count() else order


def undecided(values: pl.Series) -> bool:
    """Test whether all dates are like 03/04/2024: no day above 12 tells the order.

    Args:
        values: Text that was read with the unit "dmy" or "mdy".
    """
    one, two = _first_two(values.cast(pl.String).str.strip_chars())
    points = bool(values.cast(pl.String).str.contains(r"^\s*\d{1,2}\.").any())  # 3.4.2024 is day first
    return not points and not ((one > 12) | (two > 12)).any()


def odd_times(times: pl.Series) -> pl.Series:
    """Return the defect of times that cannot belong to the others, null for the rest.

    Times with ten years of nothing between them and the bulk are odd where they lie before 1990 or
    after 2100, or are at most one in 20. They are a "time-unit" where another unit would bring them to the
    bulk, else an "impossible-time" before it or a "future-time" after it. Where most are no
    times from 1990 to 2100 nothing is odd.
    """
    known = times.drop_nulls().to_numpy()
    low, high = (s * 1e6 for s in _SECONDS)
    real = (known >= low) & (known < high)
    if not len(known) or 2 * real.sum() < len(known):
        return nulls(times.name, pl.String, len(times))
    order = np.argsort(known, kind="stable")
    group = np.empty(len(known), dtype=np.int64)
    apart = np.diff(known[order].astype(np.float64)) > 10 * _YEAR
    group[order] = np.r_[0, np.cumsum(apart)]
    bulk = group == np.bincount(group[real]).argmax()
    odd = ~bulk & (~real | (20 * (~bulk & real).sum() <= len(known)))
    first, last = float(known[bulk].min()), float(known[bulk].max())
    scaled = [known * factor for factor in (1e-9, 1e-6, 1e-3, 1e3, 1e6)]
    other = np.any([(v >= first - 10 * _YEAR) & (v <= last + 10 * _YEAR) for v in scaled], axis=0)
    defect = np.where(other, "time-unit", np.where(known < first, "impossible-time", "future-time"))
    out = np.full(len(times), "", dtype=defect.dtype)
    out[times.is_not_null().to_numpy()] = np.where(odd, defect, "")
    return pl.Series(times.name, out).replace("", None)


def time_unit(values: pl.Series) -> str:
    """Return the unit of a column of which nine in ten values are times from 1990 to 2100, else "".

    Text dates are times of any year; see `to_microseconds` for the units.
    """
    known = values.drop_nulls().unique().sort()
    known = known.gather_every(max(1, len(known) // 1000))
    if known.dtype == pl.String:
        known = known.filter(known.str.contains(r"^\s*\S"))
        dated = known.str.contains(r"\d") & (known.str.len_chars() <= 40)
        if dated.sum() < 0.9 * len(known):
            return ""
    if known.is_empty():
        return ""
    times, unit = to_microseconds(known)
    if unit in _RANGES and not known.dtype.is_temporal():
        numbers = _numbers(known) if known.dtype == pl.String else known
        times = times.filter(numbers.is_between(*_RANGES[unit]).fill_null(True))
    return unit if times.count() >= 0.9 * len(known) else ""


def iso_time(microseconds: int) -> str:
    """Return a UTC time in ISO 8601; a number that no calendar has (a wrong unit) with its unit."""
    try:
        return datetime.fromtimestamp(microseconds // 1_000_000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{microseconds} us"


def _numbers(text: pl.Series) -> pl.Series:
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == text.null_count():
        return whole
    return text.cast(pl.Float64, strict=False)


def _digits(values: pl.Series) -> pl.Series:
    """Return the text of the values; 20240131.0 as "20240131"."""
    if values.dtype.is_float():
        values = values.set(~values.is_finite().fill_null(True), None).cast(pl.Int64, strict=False)
    return values.cast(pl.String, strict=False).str.strip_chars()


def _from_numbers(numbers: pl.Series, unit: str) -> tuple[pl.Series, str]:
    finite = numbers.set(~numbers.is_finite().fill_null(True), None)
    unit = unit if unit in UNITS or unit == "excel" else _unit(finite)
    if unit not in UNITS and unit != "excel":
        return _by_pattern(_digits(finite), "%Y%m%d" if unit == "date" else unit), unit
    if unit == "excel":  # fractions of days are good to a millisecond
        days = finite.cast(pl.Float64)
        days = days.set((days.abs() > 1e7).fill_null(False), None)
        return (days * 86_400_000).round().cast(pl.Int64) * 1_000 + _EXCEL, unit
    factor = UNITS[unit]
    if numbers.dtype.is_integer():
        fits = finite.abs() < int(_SPAN) // max(factor, 1)
        whole = finite.set(~fits.fill_null(True), None)
        return (whole // 1_000 if unit == "ns" else whole * factor), unit
    scaled = finite / 1_000 if unit == "ns" else finite * factor
    fits = scaled.abs() < _SPAN
    return scaled.round().set(~fits.fill_null(True), None).cast(pl.Int64), unit


def _unit(numbers: pl.Series) -> str:
    """Find the unit that makes most of the numbers a time, else the one that the lower median suggests."""
    known = numbers.drop_nulls()
    counts = {unit: int(known.is_between(*span).sum()) for unit, span in _RANGES.items()}
    best = max(counts, key=lambda unit: counts[unit])
    need = 0.9 if best in WEAK else 0.25 if best in UNITS else 0.5
    if counts[best] >= max(1, need * len(known)):
        pattern = "%Y%m%d" if best == "date" else best
        if "%" not in pattern or 2 * _by_pattern(_digits(known), pattern).count() >= counts[best]:
            return best
    middle = known.abs().quantile(0.5, "lower")
    size = float(middle or 0)
    return "s" if size < 1e11 else "ms" if size < 1e14 else "us" if size < 1e17 else "ns"


def _by_pattern(text: pl.Series, pattern: str) -> pl.Series:
    """Parse times of one strptime pattern; the first month or day where it names none."""
    if re.fullmatch("(%[YmdHMS])+", pattern):  # digits alone: %Y would take any number of them
        width = 2 * pattern.count("%") + 2 * pattern.count("%Y")
        text = text.set((text.str.len_chars() != width).fill_null(False), None)
    for codes, code in (("mbBhDFcjs+", "%m"), ("deDFcjs+", "%d")):
        if not any(f"%{c}" in pattern for c in codes):
            text, pattern = text + " 01", f"{pattern} {code}"
    try:
        times = text.str.to_datetime(pattern, strict=False, time_unit="us")
    except pl.exceptions.PolarsError:
        return nulls(text.name, pl.Int64, len(text))
    return times.dt.replace_time_zone(None).cast(pl.Int64)


def _from_text(text: pl.Series, order: str) -> tuple[pl.Series, str]:
    """Parse ISO first, format after format over what the earlier ones could not read; then other dates."""
    todo = text.to_frame("text").with_row_index("at").drop_nulls()
    done = []
    for pattern in _ISO:
        if todo.is_empty():
            break
        read = pl.col("text").str.to_datetime(pattern, strict=False, time_unit="us")
        tried = todo.with_columns(read.dt.replace_time_zone(None).cast(pl.Int64).alias("time"))
        done.append(tried.filter(pl.col("time").is_not_null()).select("at", "time"))
        todo = tried.filter(pl.col("time").is_null()).drop("time")
    unit = "text"
    if not todo.is_empty():
        times, unit = _written(todo["text"], order)
        done.append(todo.select("at", time=times).drop_nulls())
    out = nulls(text.name, pl.Int64, len(text))
    for part in done:
        out = out.scatter(part["at"], part["time"])
    return out, unit


def _written(text: pl.Series, order: str) -> tuple[pl.Series, str]:
    """Parse a date in any usual order, then perhaps a time of day, am or pm, and offset."""
    plain = text.str.replace(
        r"^(.*?)(\d{1,2}:\d\d:\d\d)\s+(?:([+-]\d{4}|[A-Z]{3})\s+)?(\d{4})$", "$1$4 $2 $3"
    )
    plain = plain.str.replace(r"^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)", "$1-$2-$3 $4:$5:$6")
    parts = plain.str.strip_chars().str.extract_groups(_CLOCK).struct.unnest()
    day, unit = _days(parts["date"], order)
    hour, minute, second = (parts[n].cast(pl.Int64, strict=False).fill_null(0) for n in ("h", "m", "s"))
    half = parts["half"].str.to_lowercase()
    twelve = half.is_not_null()
    wrong = (hour > 23) | (minute > 59) | (second > 59) | (twelve & ((hour < 1) | (hour > 12)))
    hour = (hour % 12 + 12 * (half == "p").cast(pl.Int64)).zip_with(twelve, hour)
    micro = parts["f"].str.pad_end(6, "0").cast(pl.Int64, strict=False).fill_null(0)
    zone = parts["zone"].str.replace(":", "").str.extract_groups(r"^([+-])(\d{1,2})(\d{2})?$").struct.unnest()
    away = [zone[n].cast(pl.Int64, strict=False).fill_null(0) for n in zone.columns[1:]]
    shift = (away[0] * 60 + away[1]) * (
        1 - 2 * (zone[zone.columns[0]] == "-").fill_null(False).cast(pl.Int64)
    )
    clock = ((hour * 60 + minute - shift) * 60 + second) * 1_000_000 + micro
    return (day + clock).set(wrong.fill_null(False), None), unit


def _days(text: pl.Series, order: str) -> tuple[pl.Series, str]:
    """Parse dates to microseconds; "dmy" or "mdy" where most are three numbers with the year last."""
    one, two = _first_two(text)
    if order not in ("dmy", "mdy"):
        first, second = int((one > 12).sum()), int((two > 12).sum())
        points = text.str.contains(r"^\d{1,2}[.-]").sum() * 2 > len(text)
        order = "dmy" if first > second or (first == second and points) else "mdy"
    bare = text.str.replace(r"^(?i)(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", "")
    bare = bare.str.replace(r"(\d)(st|nd|rd|th)\b", "$1").str.replace_all(r"[\s,./-]+", "-")
    tidy = bare.str.strip_chars("-")
    pattern = "%d-%m-%" if order == "dmy" else "%m-%d-%"
    out = nulls(text.name, pl.Int64, len(text))
    for shape, form in (
        (r"^\d{1,2}-\d{1,2}-\d{4}$", pattern + "Y"),
        (r"^\d{1,2}-\d{1,2}-\d{2}$", pattern + "y"),
        *((r"^(\d{4}|.*\pL.*)", form) for form in _ORDERS),
    ):
        fits = tidy.set(~tidy.str.contains(shape).fill_null(True) | out.is_not_null(), None)
        if fits.count():
            out = out.zip_with(out.is_not_null(), _by_pattern(fits, form))
    return out, order if 2 * one.count() > out.count() > 0 else "text"


def _first_two(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the two numbers before the year, of dates that are three numbers with the year last."""
    found = text.str.extract_groups(
        r"^(\d{1,2})[./ -]+(\d{1,2})[,./ -]+(?:\d{4}|\d{2})(?:[T\s,].*)?$"
    ).struct.unnest()
    return found[found.columns[0]].cast(pl.Int64), found[found.columns[1]].cast(pl.Int64)
