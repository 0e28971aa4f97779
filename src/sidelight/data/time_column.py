"""Column of the interactions that holds their times, recognised by its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from sidelight.data.column_names import ColumnMapping
from sidelight.data.findings import new_finding
from sidelight.data.infer_roles import is_consent, tokens
from sidelight.data.raw_tables import ROW, SourceTable
from sidelight.data.schema import Column
from sidelight.data.schema_file import line_of
from sidelight.data.timestamps import WEAK, time_unit, to_microseconds
from sidelight.data.vocabulary import ALIASES, ROLE_WORDS

# Names that never are the time of an event.
_NEVER = (ROLE_WORDS["other_time"] | ROLE_WORDS["key"] | ROLE_WORDS["number"]) - {"year"}


def with_time(source: SourceTable, mapping: ColumnMapping) -> ColumnMapping:
    """Name the column that holds the times of the events, where no name says which does.

    Args:
        source: The interactions, as read.
        mapping: Canonical names of its columns.

    Returns:
        The mapping, with the column found and a finding that reports it; as given where none is found.
    """
    frame, renames = source.frame, dict(mapping.renames)
    named = next((n for n, to in renames.items() if to == "timestamp"), "timestamp")
    if named in frame.columns and (named == "timestamp" or to_microseconds(frame[named])[0].count()):
        return mapping
    renames.pop(named, None)
    taken = [n for n in frame.columns if renames.get(n, n) in ALIASES]
    item = next(n for n in frame.columns if renames.get(n, n) == "item_id")
    found = event_times(frame.rename({item: "item_id"}), [*taken, "item_id", ROW, named])
    if not found:
        return mapping
    several = f"; {', '.join(map(repr, found[1:]))} hold times too" if found[1:] else ""
    message = f"expected a column named timestamp; {found[0]!r} holds times and is taken for it{several}"
    line = line_of(Column("timestamp", "timestamp", found[0]))
    fix = f"where that is wrong, name the right one in [interactions] of sidelight.toml: {line}"
    defect = "ambiguous-column" if found[1:] else "guessed-time"
    place: dict[str, Any] = {"file": source.file, "column": found[0], "count": len(found)}
    others = tuple(f for f in mapping.findings if f.column not in (found[0], named))
    finding = new_finding(defect, "interactions", message, fix, **place)
    return ColumnMapping({**renames, found[0]: "timestamp"}, (*others, finding))


def event_times(frame: pl.DataFrame, others: Sequence[str]) -> list[str]:
    """Return the columns of the interactions that hold times, those most likely of the event first.

    A column is judged by its values (see `time_unit`); years, months and spreadsheet days count
    only where the name speaks of time. Columns named after something else (a birthday, a release),
    and those with one value per item, are left out.

    Args:
        frame: The interactions, with "item_id".
        others: Columns that have another role already.
    """
    found = []
    for at, name in enumerate(n for n in frame.columns if n not in others):
        words = tokens(name)
        if words & _NEVER or is_consent(name, frame[name]):
            continue
        unit = time_unit(frame[name])
        hinted = bool(words & ROLE_WORDS["time"])
        if not unit or (unit in WEAK and not hinted) or _describes_items(frame, name):
            continue
        found.append((bool(words & ROLE_WORDS["later_time"]), not hinted, at, name))
    return [name for *_, name in sorted(found)]


def _describes_items(frame: pl.DataFrame, name: str) -> bool:
    """Test whether items that come back have one value of a column each."""
    pairs = frame.select("item_id", name).drop_nulls()
    items = pairs["item_id"].n_unique()
    return len(pairs) >= 1.5 * items and len(pairs) - items >= 5 and pairs.unique().height == items
