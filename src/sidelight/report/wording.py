"""Wording of the page: numbers with sign and interval, slices and metrics in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sidelight.experiment.record_schema import FEW

NOTHING = "\u2013"  # an en dash
MINUS = "\u2212"

SLICES = {"overall": "One list", "cold": "New items", "warm": "Known items"}
MEANINGS = {
    "overall": "new and known items ranked together, as users would see them",
    "cold": "items without any click in training, ranked among themselves",
    "warm": "items with clicks in training, ranked among themselves",
}
_TABLES = {"user": "Users", "item": "Items"}
_COLUMNS = {
    "user:activity": "Users by number of items in their history",
    "item:popularity": "Items by number of users who chose them in training",
}
_METRICS = {
    "ndcg": "how high up the list the things stand that users went on to choose (1 is perfect, 0 is none)",
    "recall": "of the things users went on to choose, the share that is in the list",
    "precision": "share of the list that users went on to choose",
    "hit_rate": "share of users with at least one thing in the list that they went on to choose",
    "mrr": "one divided by the place of the first thing in the list that a user went on to choose",
    "map": "precision, averaged over the places of the things that users went on to choose",
    "novelty": "how little known the listed items are (bits; higher is less known)",
    "coverage": "share of the catalogue that is in the list of any user",
    "gini": "how unequally the catalogue is shown (0 equal, towards 1 everything on one item)",
    "popularity_lift": "how much more popular listed items are than those of the history (0 is as popular)",
    "cold_slots": "share of the places in lists that hold new items",
    "cold_relevance": "share of what users went on to choose that was new items",
    "cold_exposure": "share of attention that new items get; higher places count more",
    "diversity": "how different the items of a list are from each other (0 to 1)",
    "miscalibration": "how far a list's mix of categories is from the history's (0 is the same)",
    "no_evidence": "share of the places for which the model had no evidence at all",
    "history_moved": "share of the lists that differ from those of the same users without a history",
}
_ACRONYMS = {"ndcg": "NDCG", "mrr": "MRR", "map": "MAP"}

VERDICTS = {
    "better": ("▲", "better"),
    "worse": ("▼", "worse"),
    "unclear": ("=", "no clear difference"),
    "few": ("", f"fewer than {FEW} users: too few to say"),
    "unknown": ("?", "no interval"),
}


class Group(NamedTuple):
    """Slice or subgroup in words: the family of groups, and the part."""

    family: str
    label: str


def group(name: str) -> Group:
    """Return the words of a slice or subgroup.

    Examples:
        >>> group("user:brand=Fernhill")
        Group(family='Users by brand', label='Fernhill')
    """
    if name in SLICES or name == "new":
        return Group("", SLICES.get(name, SLICES["cold"]))
    column, mark, part = name.partition("=")
    table, _, rest = column.partition(":")
    if not mark or table not in _TABLES or not rest:
        return Group("Other groups", name)
    label = part.replace("-", NOTHING) if column in _COLUMNS else part
    return Group(_COLUMNS.get(column, f"{_TABLES[table]} by {rest}"), label)


def phrase(name: str) -> str:
    """Return the words of a slice or subgroup for the middle of a sentence."""
    family, part = group(name)
    column = name.partition("=")[0]
    if not family:
        return part.lower()
    if column == "item:popularity":
        return f"items that {'no user' if part == '0' else f'{part} users'} chose in training"
    if column == "user:activity":
        return f"users with {part} items in their history"
    table, _, rest = column.partition(":")
    return f"{_TABLES[table].lower()} with {rest} {part}" if table in _TABLES else part


def metric(name: str) -> str:
    """Return a metric in its usual spelling: "ndcg@20" is NDCG@20."""
    stem, mark, cut = name.partition("@")
    shown = _ACRONYMS.get(stem, stem.replace("_", " ").capitalize())
    return f"{shown}{mark}{cut}"


def meaning(name: str) -> str:
    """Explain a metric in plain words; empty for an unknown one."""
    stem, mark, cut = name.partition("@")
    found = _METRICS.get(stem, "")
    return f"{found}; the first {cut} places" if found and mark else found


def number(value: float | None) -> str:
    """Format a number: four decimals, six for very small ones; a dash for None."""
    if value is None:
        return NOTHING
    digits = 4 if value == 0 or abs(value) >= 0.001 else 6
    return f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """Format a difference with its sign."""
    return NOTHING if value is None else ("+" if value > 0 else "") + number(value)


def short(value: float | None) -> str:
    """Format a difference in four decimals, for charts and headlines; tables have more where it matters."""
    if value is None:
        return NOTHING
    return f"{value:+.4f}".replace("-", MINUS) if abs(value) >= 0.00005 else "0.0000"


def between(low: float | None, high: float | None, sign: bool = False, exact: bool = False) -> str:
    """Format an interval; a difference shows its signs, and in four decimals unless `exact`."""
    if low is None or high is None:
        return "no interval"
    say = (signed if exact else short) if sign else number
    return f"{say(low)} to {say(high)}"


def mean(entry: Mapping[str, Any] | None) -> str:
    """Format the mean of a figure; a dash where there is none."""
    return number(entry["mean"] if entry else None)


def bounds(entry: Mapping[str, Any] | None, sign: bool = False, none: str = "no interval") -> str:
    """Format the interval of a figure or difference; empty without an entry.

    Args:
        entry: Figure or difference with "low" and "high".
        sign: Whether it is a difference.
        none: Text for an entry without an interval.
    """
    if entry is None:
        return ""
    low, high = entry["low"], entry["high"]
    return none if low is None or high is None else between(low, high, sign)


def sentence(text: str) -> str:
    """Keep a percent sign on the line of its number."""
    return text.replace(" %", "\u00a0%")


def percent(value: float | None, digits: int = 1) -> str:
    """Format a share in percent."""
    return NOTHING if value is None else f"{100 * value:.{digits}f} %".replace("-", MINUS)


def same_cut(name: str, other: str) -> bool:
    """Return whether two metrics have the same cut-off, or the first has none."""
    cut = name.partition("@")[2]
    return not cut or cut == other.partition("@")[2]


def share_kept(keep: float) -> str:
    """Format a share of interactions without needless zeros."""
    return f"{100 * keep:.4g} %"


def change(before: float | None, after: float | None) -> str:
    """Format the relative change; empty where the first value is no base for it."""
    if before is None or after is None or before <= 0:
        return ""
    ratio = after / before - 1
    if abs(ratio) < 0.0005:
        return "0 %"
    if abs(ratio) >= 10:
        return f"{after / before:.0f} times"
    return f"{100 * ratio:+.{0 if abs(ratio) >= 0.095 else 1}f} %".replace("-", MINUS)


def count(value: float | None) -> str:
    """Format a whole number with thousands separated."""
    return NOTHING if value is None else f"{value:,.0f}"


def mark(verdict: str) -> str:
    """Return the mark of a clear difference; empty for any other."""
    return VERDICTS[verdict][0] if verdict in ("better", "worse") else ""
