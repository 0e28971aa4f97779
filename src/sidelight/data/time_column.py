"""The column of the interactions that holds their times, found by its values."""

from __future__ import annotations

from sidelight.data.column_names import ALIASES, ColumnMapping
from sidelight.data.infer_roles import event_times
from sidelight.data.raw_tables import ROW
from sidelight.data.schema import Column
from sidelight.data.schema_file import line_of
from sidelight.data.source_table import SourceTable, with_findings
from sidelight.data.timestamps import to_microseconds


def with_time(sheet: SourceTable, naming: ColumnMapping) -> ColumnMapping:
    """Name the column that holds the times of the events, where no name says which does.

    Args:
        sheet: Of the interactions, as read.
        naming: What its columns are by their names.

    Returns:
        The naming, with the column found and a finding that says so; as given where none is found.
    """
    frame, renames = sheet.frame, dict(naming.renames)
    named = next((n for n, to in renames.items() if to == "timestamp"), "timestamp")
    if named in frame.columns and (named == "timestamp" or to_microseconds(frame[named])[0].count()):
        return naming
    renames.pop(named, None)
    taken = [n for n in frame.columns if renames.get(n, n) in ALIASES]
    item = next(n for n in frame.columns if renames.get(n, n) == "item_id")
    found = event_times(frame.rename({item: "item_id"}), [*taken, "item_id", ROW, named])
    if not found:
        return naming
    line = line_of(Column("timestamp", "timestamp", found[0]))
    several = f"; {', '.join(map(repr, found[1:]))} hold times too" if found[1:] else ""
    said = with_findings(
        "ambiguous-column" if found[1:] else "guessed-time",
        "interactions",
        f"expected a column named timestamp; {found[0]!r} holds times and is taken for it{several}",
        f"where that is wrong, name the right one in [interactions] of sidelight.toml: {line}",
        file=sheet.file,
        column=found[0],
        count=len(found),
    )
    others = tuple(f for f in naming.findings if f.column not in (found[0], named))
    return ColumnMapping({**renames, found[0]: "timestamp"}, (*others, said))
