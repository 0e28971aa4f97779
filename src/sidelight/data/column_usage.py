"""An account of every column that was read: used, set by the schema, or named in a finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from sidelight.data.coerce_types import plain
from sidelight.data.findings import Finding
from sidelight.data.infer_roles import KEY_NAMES, TIME_NAMES, is_free_text, tokens
from sidelight.data.parse_values import words_each
from sidelight.data.raw_tables import ROW
from sidelight.data.schema import Column, Role
from sidelight.data.schema_file import line_of
from sidelight.data.source_table import SourceTable, with_findings
from sidelight.errors import shown

_MONEY = frozenset({"price", "cost", "amount"})


def column_usage(
    sheets: Iterable[tuple[SourceTable, Mapping[str, str]]],
    columns: Sequence[Column],
    findings: Sequence[Finding],
    declared: bool,
) -> list[Finding]:
    """Findings for the columns of one table that are left out or taken for something unexpected.

    Each finding has the line of sidelight.toml that decides it. A column that another finding
    names, or that a schema declares, needs none.

    Args:
        sheets: What was read, each with the names in the file that were changed.
        columns: What the columns became.
        findings: What is said already.
        declared: The roles are declared, not guessed.
    """
    became = {c.name: c for c in columns}
    named = {f.column for f in findings}
    out = []
    for sheet, renames in sheets:
        for source in (n for n in sheet.frame.columns if n != ROW):
            column = became.get(renames.get(source, source))
            if source in named or (column is not None and (declared or column.name in named)):
                continue
            role = "ignore" if column is None else column.role
            said = _said(sheet, plain(sheet.frame[source]), role)
            out += [said] if said else []
            named.add(source)
    return out


def _said(sheet: SourceTable, values: pl.Series, role: Role) -> Finding | None:
    known, words = values.drop_nulls(), tokens(values.name)
    example = shown(known[0], 60) if len(known) else "no value"
    if role != "ignore":
        wanted: Role | None = None
        if sheet.table != "interactions" and role in ("text", "category", "tags"):
            wanted = (
                "number" if words & _MONEY else "timestamp" if words & TIME_NAMES - {"on", "day"} else None
            )
        if wanted is None:
            return None
        message = f"by its name a {wanted}; its values, e.g. {example}, are read as {role}"
        return _noted("unexpected-role", sheet, values.name, message, wanted)
    if sheet.table == "interactions" and is_free_text(values):
        message = f"free text of the events, e.g. {example}, is left out: it may be written after them"
        return _noted("event-text", sheet, values.name, message, "context")
    likely: Role = "text" if known.dtype == pl.String and words_each(known) >= 1.5 else "category"
    message = f"its values, e.g. {example}, were not understood; the column is left out"
    found = _noted("unused-column", sheet, values.name, message, likely)
    return replace(found, severity="note") if words & KEY_NAMES or not len(known) else found


def _noted(defect: str, sheet: SourceTable, name: str, message: str, role: Role) -> Finding:
    fix = f"write in [{sheet.table}] of sidelight.toml: {line_of(Column(name, role))}"
    return with_findings(defect, sheet.table, message, fix, file=sheet.file, column=name)
