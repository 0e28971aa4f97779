"""How the page says things: numbers with their sign and interval, slices and metrics in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

FEW = 10  # of fewer people nothing is said to be better or worse
NOTHING = "\u2013"  # an en dash
MINUS = "\u2212"

SLICES = {"overall": "One list", "cold": "New items", "warm": "Known items"}
MEANINGS = {
    "overall": "new and known items ranked together, as people would see them",
    "cold": "items without any click in training, ranked among themselves",
    "warm": "items with clicks in training, ranked among themselves",
}
_TABLES = {"user": "People", "item": "Items"}
_COLUMNS = {
    "user:activity": "People by number of items in their history",
    "item:popularity": "Items by number of people who chose them in training",
}
_METRICS = {
    "ndcg": "how high up the list the things stand that people went on to choose (1 is perfect, 0 is none)",
    "recall": "of the things people went on to choose, the share that is in the list",
    "precision": "share of the list that people went on to choose",
    "hit_rate": "share of people with at least one thing in the list that they went on to choose",
    "mrr": "one divided by the place of the first thing in the list that a person went on to choose",
    "map": "precision, averaged over the places of the things that people went on to choose",
    "novelty": "how little known the listed items are (bits; higher is less known)",
    "coverage": "share of the catalogue that is in anybody's list",
    "gini": "how unequally the catalogue is shown (0 equal, towards 1 everything on one item)",
    "popularity_lift": "how much more popular listed items are than those of the history (0 is as popular)",
    "cold_slots": "share of the places in lists that hold new items",
    "cold_relevance": "share of what people went on to choose that was new items",
    "cold_exposure": "share of attention that new items get; higher places count more",
    "diversity": "how different the items of a list are from each other (0 to 1)",
    "miscalibration": "how far a list's mix of categories is from the history's (0 is the same)",
    "no_evidence": "share of the places for which the model had no evidence at all",
    "history_moved": "share of the lists that differ from those of the same people without a history",
}
_ACRONYMS = {"ndcg": "NDCG", "mrr": "MRR", "map": "MAP"}

VERDICTS = {
    "better": ("▲", "better"),
    "worse": ("▼", "worse"),
    "unclear": ("=", "no clear difference"),
    "few": ("", f"fewer than {FEW} people: too few to say"),
    "unknown": ("?", "no interval"),
}


class Group(NamedTuple):
    """A slice or subgroup in words: what it divides, and the part."""

    family: str
    label: str


def group(name: str) -> Group:
    """A slice or subgroup in words.

    Example:
        >>> group("user:brand=Fernhill")
        Group(family='People by brand', label='Fernhill')
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
    """A slice or subgroup in the middle of a sentence."""
    said = group(name)
    column, part = name.partition("=")[0], said.label
    if not said.family:
        return part.lower()
    if column == "item:popularity":
        return (
            "items that nobody chose in training"
            if part == "0"
            else f"items that {part} people chose in training"
        )
    if column == "user:activity":
        return f"people with {part} items in their history"
    table, _, rest = column.partition(":")
    return f"{_TABLES[table].lower()} with {rest} {part}" if table in _TABLES else part


def metric(name: str) -> str:
    """A metric as people write it: "ndcg@20" is NDCG@20."""
    stem, mark, cut = name.partition("@")
    shown = _ACRONYMS.get(stem, stem.replace("_", " ").capitalize())
    return f"{shown}{mark}{cut}"


def meaning(name: str) -> str:
    """What a metric says, in plain words; empty for one that is not known here."""
    stem, mark, cut = name.partition("@")
    found = _METRICS.get(stem, "")
    return f"{found}; the first {cut} places" if found and mark else found


def number(value: float | None) -> str:
    """Four decimals, six for what would vanish; a dash for what is not known."""
    if value is None:
        return NOTHING
    digits = 4 if value == 0 or abs(value) >= 0.001 else 6
    return f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """A difference with its sign."""
    return NOTHING if value is None else ("+" if value > 0 else "") + number(value)


def short(value: float | None) -> str:
    """A difference in four decimals, for charts and headlines; the tables have more where it matters."""
    if value is None:
        return NOTHING
    return f"{value:+.4f}".replace("-", MINUS) if abs(value) >= 0.00005 else "0.0000"


def between(low: float | None, high: float | None, sign: bool = False, exact: bool = False) -> str:
    """An interval; a difference shows its signs, and in four decimals unless `exact`."""
    if low is None or high is None:
        return "no interval"
    say = (signed if exact else short) if sign else number
    return f"{say(low)} to {say(high)}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share."""
    return NOTHING if value is None else f"{100 * value:.{digits}f} %".replace("-", MINUS)


def same_cut(name: str, other: str) -> bool:
    """Whether two metrics look at equally many places, or one at none."""
    cut = name.partition("@")[2]
    return not cut or cut == other.partition("@")[2]


def share_kept(keep: float) -> str:
    """A share of interactions without needless zeros."""
    return f"{100 * keep:.4g} %"


def change(before: float | None, after: float | None) -> str:
    """The relative change; empty where there is nothing to relate to."""
    if before is None or after is None or before <= 0:
        return ""
    ratio = after / before - 1
    if abs(ratio) < 0.0005:
        return "0 %"
    if abs(ratio) >= 10:
        return f"{after / before:.0f} times"
    return f"{100 * ratio:+.{0 if abs(ratio) >= 0.095 else 1}f} %".replace("-", MINUS)


def count(value: float | None) -> str:
    """A whole number with thousands set apart."""
    return NOTHING if value is None else f"{value:,.0f}"


def verdict(entry: Mapping[str, Any] | None, level: float) -> str:
    """Judge a difference: "better", "worse", "unclear", of "few" people, or "unknown" without an interval.

    The one rule behind every mark: clear is what has its whole interval on one side of 0, and a p-value
    below 1 - level after adjusting for all arms (main slices and groups apart), and is of `FEW` people
    or more.
    """
    if entry is None or entry["low"] is None or entry["high"] is None:
        return "unknown"
    users, p = entry.get("users"), entry.get("p_holm")
    if users is not None and users < FEW:
        return "few"
    if p is None or p >= 1 - level or entry["low"] <= 0 <= entry["high"]:
        return "unclear"
    return "better" if entry["low"] > 0 else "worse"


def mark(verdict: str) -> str:
    """The mark of a clear difference; nothing for any other."""
    return VERDICTS[verdict][0] if verdict in ("better", "worse") else ""
