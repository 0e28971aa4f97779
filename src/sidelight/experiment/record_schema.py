"""Schema of a comparison's record: the fields of each table, for the writer and for every reader.

A record is an object of plain JSON values. `HEAD` are its single values, `TABLES` its lists of objects.
Kinds of fields: "arm" and "keep" name an arm and a share of the record; "numbers" is a list of numbers.
With "?" a field may be null (no users, no interval), with "*" it may be absent too (an earlier version
wrote the record).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sidelight.errors import DataError, complain, did_you_mean

KIND, SCHEMA = "comparison", 1
FIX = "make it again with `sidelight compare`"
Entry = dict[str, Any]

ABOUT = {
    "data": "object", "split": "object", "history": "text*", "versions": "object", "candidates": "number*",
    "command": "text*", "made": "text", "thin_validation": "flag*", "warnings": "list*", "sensitive": "list*",
}  # fmt: skip
"""Fields of the head that come from `Comparison.about`."""
ABSENT: dict[str, Any] = {"history": "train", "thin_validation": False, "warnings": [], "sensitive": []}
"""Values of fields that records and runs of earlier versions lack."""
HEAD = {
    "part": "text", "metric": "text", "level": "number", "baseline": "text", "seeds": "list",
    "keeps": "numbers", **ABOUT,
}  # fmt: skip

_FIGURE = {"arm": "arm", "keep": "keep", "slice": "text", "metric": "text"}
_BOUNDS = {"mean": "number?", "low": "number?", "high": "number?", "users": "number?"}
_GROUP = {"arm": "arm", "keep": "keep", "group": "text"}
_RUN = {"arm": "arm", "keep": "keep", "seed": "number"}
RUN_COSTS = {"seconds": "number?", "megabytes": "number*", "milliseconds": "number*", "spec_hash": "text"}
TABLES: dict[str, dict[str, str]] = {
    "arms": {"name": "text", "spec": "object", "spec_hash": "text", "differs": "list"},
    "figures": {**_FIGURE, **_BOUNDS},
    "differences": {**_FIGURE, **_BOUNDS, **dict.fromkeys(("p", "p_holm", "up", "down"), "number?")},
    "exposure": {**_GROUP, "exposure": "number?", "relevance": "number?"},
    "weights": {**_RUN, "task": "text", "step": "numbers", "weight": "list"},
    "epochs": {**_RUN, "epoch": "number"},
    "runs": {**_RUN, **RUN_COSTS},
    "examples": {"user": "text", "history": "list", "lists": "object"},
    "warnings": {"arm": "arm", "kind": "text", "text": "text"},
    "against": {"baseline": "arm", "differences": "list", "answer": "object"},
}
FEW = 10  # fewer users give no verdict
_OPTIONAL_TABLES = ("warnings", "against", "sensitive")
_ITEM = {"item": "text", "title": "text?"}
ANSWER = {
    "arm": "arm", "slice": "text", "metric": "text", "sentence": "text", "mean": "number?", "low": "number?",
    "high": "number?", "power": "object*",
}  # fmt: skip


def check_record(values: Entry) -> None:
    """Check every field of a record of plain values; optional fields that are absent are filled in.

    Raises:
        DataError: A field is missing or of another kind, or names an arm or share that the record lacks.
    """
    _check_fields(values, HEAD, "the record")
    names, keeps = _arm_names(values), set(values["keeps"])
    for table, fields in TABLES.items():
        for where, entry in rows(values, table):
            _check_fields(entry, fields, where, names, keeps)
    rows(values, "sensitive")
    if values.setdefault("answer", None) is not None:
        _check_fields(values["answer"], ANSWER, "answer", names)
    for where, entry in rows(values, "against"):
        for row in entry["differences"]:
            _check_fields(row, TABLES["differences"], f"{where}.differences", names, keeps)
        _check_fields(entry["answer"], ANSWER, f"{where}.answer", names)
    for where, entry in rows(values, "weights"):
        if len(entry["step"]) != len(entry["weight"]):
            found = f"{len(entry['step'])} and {len(entry['weight'])}"
            raise DataError(complain("as many steps as weights", found, where, FIX))
        if not all(_is_number(value) or value is None for value in entry["weight"]):
            raise DataError(complain("numbers", repr(entry["weight"])[:60], f"{where}.weight", FIX))
    for where, entry in rows(values, "examples"):
        _check_example(entry, where, names)


def verdict(difference: Mapping[str, Any] | None, level: float) -> str:
    """Judge a difference: "better", "worse", "unclear", "few" users, or "unknown" without an interval.

    The one rule behind every mark: a difference is clear where its whole interval is on one side of 0,
    its p-value is below 1 - level after adjusting for all arms (main slices and groups apart), and it
    has `FEW` users or more.
    """
    if difference is None or difference["low"] is None or difference["high"] is None:
        return "unknown"
    users, p = difference.get("users"), difference.get("p_holm")
    if users is not None and users < FEW:
        return "few"
    if p is None or p >= 1 - level or difference["low"] <= 0 <= difference["high"]:
        return "unclear"
    return "better" if difference["low"] > 0 else "worse"


def rows(values: Entry, table: str) -> list[tuple[str, Entry]]:
    """Return the entries of a table with their places for error messages; an absent table is empty."""
    found = values.setdefault(table, [])
    if found is None and table in _OPTIONAL_TABLES:
        found = values[table] = []
    if not isinstance(found, list):
        raise DataError(complain("a list", f"a {type(found).__name__}", table, FIX))
    return [(f"{table}[{at}]", entry) for at, entry in enumerate(found)]


def _arm_names(values: Entry) -> list[str]:
    names = []
    for where, arm in rows(values, "arms"):
        _check_fields(arm, TABLES["arms"], where)
        names.append(arm["name"])
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(complain("two or more arms of different names", repr(names), "arms", FIX))
    if values["baseline"] not in names:
        hint = did_you_mean(values["baseline"], names)
        raise DataError(complain("a baseline among the arms", repr(values["baseline"]), "baseline", hint))
    if not values["keeps"] or min(values["keeps"]) <= 0:
        found = repr(values["keeps"])
        raise DataError(complain("shares of interactions kept, above 0", found, "keeps", FIX))
    return names


def _check_example(entry: Entry, where: str, names: list[str]) -> None:
    """Check the history and the lists of one example user."""
    for name, items in {"history": entry["history"], **entry["lists"]}.items():
        if name != "history" and name not in names:
            raise DataError(complain("a list of an arm", repr(name), where, did_you_mean(name, names)))
        if not isinstance(items, list):
            raise DataError(complain("a list of items", repr(items)[:60], f"{where}.{name}", FIX))
        for at, item in enumerate(items):
            _check_fields(item, _ITEM, f"{where}.{name}[{at}]")


def _check_fields(
    entry: Any,
    fields: Mapping[str, str],
    where: str,
    names: Iterable[str] = (),
    keeps: Iterable[float] = (),
) -> None:
    """Check that every field is there and of its kind; arms and shares must be known ones."""
    if not isinstance(entry, dict):
        raise DataError(complain("an object", f"a {type(entry).__name__}", where, FIX))
    for field, kind in fields.items():
        value: Any = entry.setdefault(field, None) if kind.endswith("?") else entry.get(field)
        if value is None and kind.endswith(("?", "*")):
            continue
        kind = kind.rstrip("?*")
        expected, holds = _KINDS[kind]
        if not holds(value):
            found = "nothing" if value is None else repr(value)[:60]
            raise DataError(complain(expected, found, f"{where}.{field}", FIX))
        if kind == "arm" and value not in names:
            hint = did_you_mean(value, names)
            raise DataError(complain("the name of an arm", repr(value), f"{where}.{field}", hint))
        if kind == "keep" and value not in keeps:
            raise DataError(complain("one of the shares in keeps", repr(value), f"{where}.{field}", FIX))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", _is_text),
    "arm": ("a text", _is_text),
    "number": ("a number", _is_number),
    "keep": ("a number", _is_number),
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "object": ("an object", lambda value: isinstance(value, dict)),
    "list": ("a list", lambda value: isinstance(value, list)),
    "numbers": ("a list of numbers", lambda value: isinstance(value, list) and all(map(_is_number, value))),
}
