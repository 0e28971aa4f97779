"""Template filters: sources, shares, costs, durations, times and cells as text."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

NOTHING = "\u2013"  # an en dash
MINUS = "\u2212"

SOURCES = {
    "personal": "from the history, the person or the context",
    "popular": "popular with everybody alike",
    "popular:unknown-user": "popular, because nobody knows this person",
    "popular:empty-history": "popular, because the history is empty",
    "popular:no-evidence": "popular, because nothing more speaks for another item",
}
LEVELS = ("off", "a little", "clearly", "strongly", "above all else")


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def source(name: str) -> str:
    """Describe where an item of a list came from, where no explanation of its score says more."""
    return SOURCES.get(name, name)


def level(value: float) -> str:
    """Describe the position of a slider, from 0 to 1, in words."""
    return LEVELS[0 if value <= 0 else min(4, 1 + int(value * 3.999 // 1))]


def percent(value: float | None, digits: int = 1) -> str:
    """Format a share in percent; one that would round to zero is called little."""
    if value is None or _missing(value):
        return NOTHING
    least = 10.0**-digits
    if 0 < abs(100 * value) < least / 2:
        return f"less than {least:g}\u00a0%"
    return f"{100 * value:.{digits}f}\u00a0%".replace("-", MINUS)


def cost(total: float) -> str:
    """Describe the cost of rules in a sentence."""
    if total <= 0:
        return "These rules cost nothing: the list is as relevant as without them."
    return f"These rules give up {percent(total)} of predicted relevance."


def number(value: Any, digits: int = 3) -> str:
    """Format a number with its significant digits; whole ones with thousands separators."""
    if _missing(value):
        return NOTHING
    if isinstance(value, int) or abs(value) >= 10**digits:
        return f"{value:,.0f}".replace("-", MINUS)
    return f"{value:.{digits}g}".replace("-", MINUS)


def saving(total: float) -> str:
    """Describe the cost of rules in a few words."""
    return "Costs nothing" if total <= 0 else f"Gives up {percent(total)} of relevance"


def figure(value: float | None) -> str:
    """Format a metric with four decimals."""
    return NOTHING if _missing(value) else f"{value:.4f}".replace("-", MINUS)


def plural(count: int, one: str, many: str = "") -> str:
    """Format a count with its noun: "1 item", "2 items"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def ordinal(place: int) -> str:
    """Format a place: "1st", "12th"."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{place:,}{'th' if place // 10 % 10 == 1 else ends.get(place % 10, 'th')}"


def with_context(word: str) -> str:
    """Format a term that carried a score; an attribute "shelf=sea" becomes "shelf: sea"."""
    name, mark, value = word.partition("=")
    return f"{name}: {value}" if mark and name and value else word


def seconds(value: float | None) -> str:
    """Format a duration."""
    if value is None or _missing(value):
        return NOTHING
    if value < 1:
        return f"{1000 * value:.{0 if value >= 0.01 else 1}f}\u00a0ms"
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if value >= 2 * size:
            return f"{value / size:.0f}\u00a0{unit}"
    return f"{value:.{1 if value < 10 else 0}f}\u00a0s"


def when(value: Any) -> str:
    """Format a time to the minute, in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return str(value)
    if not isinstance(value, datetime):
        return NOTHING if value is None else str(value)
    if value.tzinfo is not None:
        value = value.astimezone(UTC)
    return f"{value:%Y-%m-%d %H:%M} UTC"


def moment(value: Any) -> str:
    """Format a time of the data: whole microseconds since 1970, or a text."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**17:
        return when(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value))
    return when(value)


def size(value: float | None) -> str:
    """Format a number of bytes in a unit that fits."""
    if value is None:
        return NOTHING
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.{0 if unit == 'B' or value >= 10 else 1}f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def plain(value: Any) -> str:
    """Format a single value as it is written in a rule: 2002, 3.5, true, sea."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def cell(value: Any) -> str:
    """Format a value of an item's row."""
    if _missing(value):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(each, float) for each in value):
            return f"{len(value)} numbers"
        return ", ".join(cell(each) for each in value) or NOTHING
    if isinstance(value, bytes):
        return f"an image of {size(len(value))}"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.6g}"
    return plain(value)


def clean(value: Any) -> Any:
    """Replace characters that no page may hold, control characters and half surrogate pairs, by a mark."""
    return value.translate(_CONTROLS) if type(value) is str else value


_CONTROLS: dict[int, int] = {
    code: 0xFFFD for code in (*range(9), 11, 12, *range(14, 32), 127, *range(0xD800, 0xE000))
}

FILTERS = (level, percent, number, plural, seconds, when, size, cell, ordinal, figure)
"""Filters of the templates, under their own names."""
