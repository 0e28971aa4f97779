"""Findings on columns that are left out or get another role than their name suggests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from sidelight.data.coerce_types import plain
from sidelight.data.findings import Finding, new_finding
from sidelight.data.infer_roles import is_free_text, tokens
from sidelight.data.parse_values import words_each
from sidelight.data.raw_tables import ROW, SourceTable
from sidelight.data.schema import Column, Role
from sidelight.data.schema_file import line_of
from sidelight.data.vocabulary import ROLE_WORDS
from sidelight.errors import shown

_MONEY = frozenset({"price", "cost", "amount"})


def column_usage(
    sources: Iterable[tuple[SourceTable, Mapping[str, str]]],
    columns: Sequence[Column],
    findings: Sequence[Finding],
    declared: bool,
) -> list[Finding]:
    """Report the columns of one table that are left out or have an unexpected role.

    Each finding has the line of sidelight.toml that decides it. A column that another finding
    names, or that a schema declares, needs none.

    Args:
        sources: Tables as read, each with the names in the file that were changed.
        columns: Resulting columns.
        findings: Findings so far.
        declared: The roles are declared, not inferred.
    """
    by_name = {c.name: c for c in columns}
    named = {f.column for f in findings}
    out = []
    for source, renames in sources:
        for name in (n for n in source.frame.columns if n != ROW):
            column = by_name.get(renames.get(name, name))
            if name in named or (column is not None and (declared or column.name in named)):
                continue
            role = "ignore" if column is None else column.role
            finding = _usage(source, plain(source.frame[name]), role)
            out += [finding] if finding else []
            named.add(name)
    return out


def _usage(source: SourceTable, values: pl.Series, role: Role) -> Finding | None:
    known, words = values.drop_nulls(), tokens(values.name)
    example = shown(known[0], 60) if len(known) else "no value"

    def finding(defect: str, message: str, likely: Role) -> Finding:
        fix = f"write in [{source.table}] of sidelight.toml: {line_of(Column(values.name, likely))}"
        return new_finding(defect, source.table, message, fix, file=source.file, column=values.name)

    if role != "ignore":
        wanted: Role | None = "number" if words & _MONEY else None
        if not wanted and words & ROLE_WORDS["time"] - {"on", "day"}:
            wanted = "timestamp"
        if wanted is None or source.table == "interactions" or role not in ("text", "category", "tags"):
            return None
        message = f"by its name a {wanted}; its values, e.g. {example}, are read as {role}"
        return finding("unexpected-role", message, wanted)
    if source.table == "interactions" and is_free_text(values):
        message = f"free text of the events, e.g. {example}, is left out: it may be written after them"
        return finding("event-text", message, "context")
    likely: Role = "text" if known.dtype == pl.String and words_each(known) >= 1.5 else "category"
    message = f"its values, e.g. {example}, were not understood; the column is left out"
    found = finding("unused-column", message, likely)
    return replace(found, severity="note") if words & ROLE_WORDS["key"] or not len(known) else found
