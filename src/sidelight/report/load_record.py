"""Checked record of a comparison with lookups, so that the sections of the page need not check it again."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidelight.errors import DataError, complain
from sidelight.experiment.record_schema import FIX, KIND, SCHEMA, Entry, check_record, rows, verdict
from sidelight.report import wording

# Characters that no HTML document may hold: controls, and halves of characters that no file can encode.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_Index = dict[tuple[str, float, str, str], Entry]


@dataclass(frozen=True)
class Record:
    """Checked record with its lookups.

    Args:
        values: The record: plain values, finite numbers or None, text that HTML can hold.
        figures: (arm, keep, slice, metric) to its entry.
        differences: The same, each arm minus the baseline.
        view: Prefix of the ids of drawings: "" for the record's own baseline, else per other baseline.
    """

    values: Entry
    figures: _Index
    differences: _Index
    view: str = ""

    def against(self, at: int) -> Record:
        """Return the same record with another baseline: entry `at` of its "against"."""
        given = self.values["against"][at]
        values = self.values | {name: given[name] for name in ("baseline", "differences", "answer")}
        return Record(values, self.figures, _indexed(values, "differences"), f"view-{at}-")

    @property
    def leaked(self) -> set[str]:
        """Arms that read columns which may be known only with, or after, the event."""
        return {one["arm"] for one in self.values["warnings"] if one["kind"] == "leak"}

    def label(self, arm: str) -> str:
        """Return the name of an arm, marked where it is leaked."""
        return f"⚠ {arm}" if arm in self.leaked else arm

    @property
    def baseline(self) -> str:
        """Arm that the others are measured against."""
        return str(self.values["baseline"])

    @property
    def metric(self) -> str:
        """Metric of the differences."""
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
        return list(dict.fromkeys((self.baseline, self.chosen or self.baseline, *given)))

    @property
    def others(self) -> list[str]:
        """All arms but the baseline."""
        return self.names[1:]

    @property
    def chosen(self) -> str | None:
        """Arm that the answer is about."""
        answer = self.values["answer"]
        return None if answer is None else str(answer["arm"])

    @property
    def shown(self) -> str:
        """Arm to show beside the baseline: that of the answer, else the first other one."""
        return self.chosen or self.others[0]

    @property
    def slices(self) -> list[str]:
        """Slices and subgroups that have figures: one list, new items, known items, then the others."""
        seen = dict.fromkeys(key[2] for key in (*self.figures, *self.differences))
        return [*self.main_slices, *(name for name in seen if name not in wording.SLICES)]

    @property
    def main_slices(self) -> list[str]:
        """Main slices that have figures: one list, new items, known items."""
        seen = {key[2] for key in (*self.figures, *self.differences)}
        return [name for name in wording.SLICES if name in seen]

    def figure(
        self, arm: str, name: str, metric: str | None = None, keep: float | None = None
    ) -> Entry | None:
        """Return a figure: of the main metric and at all of the data by default."""
        return self.figures.get((arm, keep or self.full, name, metric or self.metric))

    def difference(
        self, arm: str, name: str, metric: str | None = None, keep: float | None = None
    ) -> Entry | None:
        """Return an arm minus the baseline: of the main metric and at all of the data by default."""
        return self.differences.get((arm, keep or self.full, name, metric or self.metric))

    def verdict(self, difference: Entry | None) -> str:
        """Return the verdict of a difference, see `record_schema.verdict`."""
        return verdict(difference, self.level)


def load_record(given: Any) -> Record:
    """Clean and check a record.

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
    check_record(values)
    return Record(values, _indexed(values, "figures"), _indexed(values, "differences"))


def _indexed(values: Entry, table: str) -> _Index:
    found: _Index = {}
    for where, entry in rows(values, table):
        key = (entry["arm"], float(entry["keep"]), entry["slice"], entry["metric"])
        if key in found:
            raise DataError(complain("each figure once", f"{key} again", where, FIX))
        found[key] = entry
    return found


def _clean(value: Any, where: str) -> Any:
    """Return plain values that JSON and HTML can hold; refuse any other."""
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
