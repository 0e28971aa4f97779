"""The record of a comparison, checked once, so that the sections of the page need not doubt it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sidelight.errors import DataError, complain, did_you_mean

KIND, SCHEMA = "comparison", 1
FIX = "make it again with `sidelight compare`"
Entry = dict[str, Any]

# Each list of the record with what its entries must hold. "number?" may be null: no users, no
# interval. "number*" may be absent: the record of an earlier version.
_FIGURE = {"arm": "arm", "keep": "keep", "slice": "text", "metric": "text"}
_BOUNDS = {"mean": "number?", "low": "number?", "high": "number?", "users": "number?"}
_GROUP = {"arm": "arm", "keep": "keep", "group": "text"}
_RUN = {"arm": "arm", "keep": "keep", "seed": "number"}
ENTRIES: dict[str, dict[str, str]] = {
    "arms": {"name": "text", "spec": "object", "spec_hash": "text", "differs": "list"},
    "figures": {**_FIGURE, **_BOUNDS},
    "differences": {**_FIGURE, **_BOUNDS, **dict.fromkeys(("p", "p_holm", "up", "down"), "number?")},
    "exposure": {**_GROUP, "exposure": "number?", "relevance": "number?"},
    "weights": {**_RUN, "task": "text", "step": "numbers", "weight": "list"},
    "epochs": {**_RUN, "epoch": "number"},
    "runs": {
        **_RUN, "seconds": "number?", "megabytes": "number*", "milliseconds": "number*", "spec_hash": "text",
    },
    "examples": {"user": "text", "history": "list", "lists": "object"},
    "warnings": {"arm": "arm", "kind": "text", "text": "text"},
    "against": {"baseline": "arm", "differences": "list", "answer": "object"},
}  # fmt: skip
HEAD = {
    "part": "text", "metric": "text", "level": "number", "baseline": "text", "seeds": "list",
    "keeps": "numbers", "data": "object", "split": "object", "versions": "object", "made": "text",
}  # fmt: skip
OPTIONAL = ("warnings", "against", "sensitive")  # a record of an earlier version has none of them
_ITEM = {"item": "text", "title": "text?"}
_ANSWER = {
    "arm": "arm", "slice": "text", "metric": "text", "sentence": "text", "mean": "number?", "low": "number?",
    "high": "number?", "power": "object*",
}  # fmt: skip

# What no HTML document may hold: control characters, and halves of characters that no file can encode.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True)
class Record:
    """A checked record with its lookups.

    Args:
        values: The record: plain values, finite numbers or None, text that HTML can hold.
        figures: (arm, keep, slice, metric) to its entry.
        differences: The same, each arm minus the baseline.
        view: Before the ids of drawings: "" for the record's own baseline, else that of another one.
    """

    values: Entry
    figures: dict[tuple[str, float, str, str], Entry]
    differences: dict[tuple[str, float, str, str], Entry]
    view: str = ""

    def against(self, at: int) -> Record:
        """The same record with another baseline: entry `at` of its "against"."""
        given = self.values["against"][at]
        names = "baseline", "differences", "answer"
        values = {**self.values, **{name: given[name] for name in names}}
        return Record(values, self.figures, _indexed(values, "differences"), f"view-{at}-")

    @property
    def leaked(self) -> set[str]:
        """Arms that read what may be known only with, or after, the event."""
        return {one["arm"] for one in self.values["warnings"] if one["kind"] == "leak"}

    def label(self, arm: str) -> str:
        """The name of an arm, marked where it is leaked."""
        return f"⚠ {arm}" if arm in self.leaked else arm

    @property
    def baseline(self) -> str:
        """The arm that the others are measured against."""
        return str(self.values["baseline"])

    @property
    def metric(self) -> str:
        """The metric that the comparison is about."""
        return str(self.values["metric"])

    @property
    def level(self) -> float:
        """Nominal coverage of the intervals."""
        return float(self.values["level"])

    @property
    def full(self) -> float:
        """The largest share of interactions kept: the data as it is."""
        return max(self.keeps)

    @property
    def keeps(self) -> list[float]:
        """Shares of training interactions kept, ascending."""
        return sorted(self.values["keeps"])

    @property
    def names(self) -> list[str]:
        """All arms, the baseline first, then the one that the answer is about."""
        given = [arm["name"] for arm in self.values["arms"]]
        first = dict.fromkeys((self.baseline, self.chosen or self.baseline))
        return [*first, *(name for name in given if name not in first)]

    @property
    def others(self) -> list[str]:
        """All arms but the baseline."""
        return self.names[1:]

    @property
    def chosen(self) -> str | None:
        """The arm that the answer is about."""
        answer = self.values["answer"]
        return None if answer is None else str(answer["arm"])

    @property
    def slices(self) -> list[str]:
        """Slices and subgroups that have figures: one list, new items, known items, then the others."""
        seen = dict.fromkeys(key[2] for key in (*self.figures, *self.differences))
        main = [name for name in ("overall", "cold", "warm") if name in seen]
        return [*main, *(name for name in seen if name not in main)]

    def figure(self, arm: str, name: str, metric: str, keep: float | None = None) -> Entry | None:
        """A figure, at all of the data unless told otherwise."""
        return self.figures.get((arm, self.full if keep is None else keep, name, metric))

    def difference(self, arm: str, name: str, metric: str, keep: float | None = None) -> Entry | None:
        """An arm minus the baseline, at all of the data unless told otherwise."""
        return self.differences.get((arm, self.full if keep is None else keep, name, metric))


def check(given: Any) -> Record:
    """The record, cleaned and checked.

    Numbers that are not finite become None; characters that HTML forbids become U+FFFD.

    Raises:
        DataError: It is no comparison, of another schema, or an entry is not what it must be.
    """
    if not isinstance(given, Mapping) or given.get("kind") != KIND:
        found = f"kind {given.get('kind')!r}" if isinstance(given, Mapping) else f"a {type(given).__name__}"
        raise DataError(complain("the record of a comparison", found, fix=FIX))
    if given.get("schema") != SCHEMA:
        fix = "use the version of sidelight that made it, or make it again"
        raise DataError(complain(f"schema {SCHEMA}", repr(given.get("schema")), fix=fix))
    if given.get("finished") is False:
        fix = "run it again with the same folder to go on"
        raise DataError(complain("a finished comparison", "one that was cut off", fix=fix))
    values = _clean(given, "the record")
    _fields(values, HEAD, "the record")
    names, keeps = _arms(values), set(values["keeps"])
    for table, fields in ENTRIES.items():
        for where, entry in _rows(values, table):
            _fields(entry, fields, where, names, keeps)
    _nested(values, names)
    return Record(values, _indexed(values, "figures"), _indexed(values, "differences"))


def _arms(values: Entry) -> list[str]:
    """Names of the arms, which later checks rely on."""
    names = []
    for where, arm in _rows(values, "arms"):
        _fields(arm, ENTRIES["arms"], where)
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


def _nested(values: Entry, names: list[str]) -> None:
    """What lies deeper: the answer, the points of weights, the lists of examples."""
    answer = values.setdefault("answer", None)
    if answer is not None:
        _fields(answer, _ANSWER, "answer", names)
    for where, entry in _rows(values, "against"):
        for row in entry["differences"]:
            _fields(row, ENTRIES["differences"], f"{where}.differences", names, values["keeps"])
        _fields(entry["answer"], _ANSWER, f"{where}.answer", names)
    _rows(values, "sensitive")
    for where, entry in _rows(values, "weights"):
        if len(entry["step"]) != len(entry["weight"]):
            found = f"{len(entry['step'])} and {len(entry['weight'])}"
            raise DataError(complain("as many steps as weights", found, where, FIX))
        if not all(_is_number(value) or value is None for value in entry["weight"]):
            raise DataError(complain("numbers", repr(entry["weight"])[:60], f"{where}.weight", FIX))
    for where, entry in _rows(values, "examples"):
        lists = {"history": entry["history"], **entry["lists"]}
        for name, rows in lists.items():
            if name != "history" and name not in names:
                raise DataError(complain("a list of an arm", repr(name), where, did_you_mean(name, names)))
            if not isinstance(rows, list):
                raise DataError(complain("a list of items", repr(rows)[:60], f"{where}.{name}", FIX))
            for at, row in enumerate(rows):
                _fields(row, _ITEM, f"{where}.{name}[{at}]")


def _rows(values: Entry, table: str) -> Iterable[tuple[str, Entry]]:
    found = values.setdefault(table, [])
    if found is None and table in OPTIONAL:
        found = values[table] = []
    if not isinstance(found, list):
        raise DataError(complain("a list", f"a {type(found).__name__}", table, FIX))
    return [(f"{table}[{at}]", entry) for at, entry in enumerate(found)]


def _fields(
    entry: Any,
    fields: Mapping[str, str],
    where: str,
    names: Iterable[str] = (),
    keeps: Iterable[float] = (),
) -> None:
    """Every field is there and of its type; a text that names an arm or a share names a known one."""
    if not isinstance(entry, dict):
        raise DataError(complain("an object", f"a {type(entry).__name__}", where, FIX))
    for field, kind in fields.items():
        value: Any = entry.setdefault(field, None) if kind.endswith("?") else entry.get(field)
        if value is None and kind.endswith(("?", "*")):
            continue
        kind = kind.rstrip("?*")
        if not _TYPES[kind](value):
            found = "nothing" if value is None else repr(value)[:60]
            raise DataError(complain(_EXPECTED[kind], found, f"{where}.{field}", FIX))
        if kind == "arm" and value not in names:
            hint = did_you_mean(value, names)
            raise DataError(complain("the name of an arm", repr(value), f"{where}.{field}", hint))
        if kind == "keep" and value not in keeps:
            raise DataError(complain("one of the shares in keeps", repr(value), f"{where}.{field}", FIX))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "arm": lambda value: isinstance(value, str),
    "number": _is_number,
    "keep": _is_number,
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "numbers": lambda value: isinstance(value, list) and all(map(_is_number, value)),
}
_EXPECTED = {
    "text": "a text", "arm": "a text", "number": "a number", "keep": "a number", "object": "an object",
    "list": "a list", "numbers": "a list of numbers",
}  # fmt: skip


def _indexed(values: Entry, table: str) -> dict[tuple[str, float, str, str], Entry]:
    found: dict[tuple[str, float, str, str], Entry] = {}
    for where, entry in _rows(values, table):
        key = (entry["arm"], float(entry["keep"]), entry["slice"], entry["metric"])
        if key in found:
            raise DataError(complain("each figure once", f"{key} again", where, FIX))
        found[key] = entry
    return found


def _clean(value: Any, where: str) -> Any:
    """Plain values only: what JSON can say and HTML can hold."""
    if isinstance(value, Mapping):
        return {_text(str(key)): _clean(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(inner, where) for inner in value]
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return _clean(value.tolist(), where)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, int):
        return value
    raise DataError(complain("plain values, as in JSON", f"a {type(value).__name__}", where, FIX))


def _text(value: str) -> str:
    return _FORBIDDEN.sub("\ufffd", value)
