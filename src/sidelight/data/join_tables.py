"""Join of cleaned files to `RawTables`: appended or joined, roles inferred or declared, ids of one type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from sidelight.data.clean_table import Cleaned, ambiguous_values, clean
from sidelight.data.column_names import canonical_schema
from sidelight.data.column_usage import column_usage
from sidelight.data.findings import Finding, new_finding
from sidelight.data.ids import whole_ids
from sidelight.data.infer_roles import describe, infer_role, is_consent, is_links
from sidelight.data.parse_values import LONGEST_TEXT, Parsed, parse, truth
from sidelight.data.raw_tables import FILE, ROW, RawTables, SourceTable, repeated_ids
from sidelight.data.schema import KEYS, ROLES, TABLES, Column, Role, Schema
from sidelight.data.schema_file import line_of
from sidelight.errors import DataError, complain, did_you_mean, first_line, shown

_KEY = KEYS["items"]
_OWN = ("user_id", "item_id", "timestamp", "position", "weight")


def join_tables(
    sources: Mapping[str, Sequence[SourceTable]],
    declared: Schema | None = None,
    findings: Sequence[Finding] = (),
    files: Mapping[str, Sequence[str]] | None = None,
) -> RawTables:
    """Clean and join all source tables to one `RawTables`.

    Args:
        sources: By table name. Several files of one table are appended when they have the same
            columns; else an item or user file is joined to the first one by id.
        declared: Roles from sidelight.toml for the tables it names; the others are inferred.
        findings: Findings on the files.
        files: Paths, by table.
    """
    if not sources.get("interactions"):
        raise DataError(complain("an interactions table", "none", fix="name it: interactions=PATH"))
    declared = canonical_schema(declared) if declared is not None else None
    notes = list(findings)
    asides: list[pl.DataFrame] = []
    frames: dict[str, pl.DataFrame] = {}
    columns: dict[str, tuple[Column, ...]] = {}
    guessed: set[str] = set()
    for table in (t for t in TABLES if sources.get(t)):
        parts = [clean(source, declared, len(sources[table]) > 1) for source in sources[table]]
        frame, lost = joined_files(parts, table)
        asides += [*(part.quarantine for part in parts), lost]
        frames[table], columns[table], found = typed_columns(frame, parts, table, declared)
        found = [*(f for part in parts for f in part.findings), *found]
        pairs = [(source, part.renames) for source, part in zip(sources[table], parts, strict=True)]
        known = declared is not None and bool(declared.columns(table))
        notes += found + column_usage(pairs, columns[table], found, known)
        guessed |= set() if known else {table}
    notes += _mixed_ids(frames)
    paths = {table: tuple(paths) for table, paths in (files or {}).items()}
    quarantine = pl.concat(asides)
    return RawTables(
        _one_id_type(frames), Schema(**columns), tuple(notes), quarantine, paths, frozenset(guessed)
    )


def joined_files(parts: Sequence[Cleaned], table: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the files of one table as one frame, and the rows that could not be joined."""
    frame = parts[0].frame
    lost = [parts[0].quarantine.clear()]
    for part in parts[1:]:
        new = part.frame
        mixed = [
            n
            for n in set(new.columns) & set(frame.columns)
            if new[n].dtype != frame[n].dtype and pl.String in (new[n].dtype, frame[n].dtype)
        ]
        frame, new = (f.with_columns(pl.col(mixed).cast(pl.String)) for f in (frame, new))
        if table == "interactions" or set(new.columns) == set(frame.columns):
            frame = _appended(frame, new)
            continue
        again, repeats = repeated_ids(new, table)
        lost.append(repeats)
        frame = frame.join(new.filter(~again), on=KEYS[table], how="full", coalesce=True, suffix="_2")
        places = [pl.coalesce(name, f"{name}_2").alias(name) for name in (FILE, ROW)]
        frame = frame.with_columns(places).drop(f"{FILE}_2", f"{ROW}_2")
    return frame, pl.concat(lost)


def _appended(frame: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    files = [", ".join(f[FILE].unique(maintain_order=True).cast(pl.String)) for f in (frame, new)]
    apart = [n for n in _OWN if (n in frame.columns) != (n in new.columns)]
    if apart:
        found = f"it in {files[0] if apart[0] in frame.columns else files[1]} alone"
        fix = "add it or read the files apart"
        raise DataError(complain(f"{apart[0]!r} in all files or in none", found, fix=fix))
    try:
        return pl.concat([frame, new], how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        found, where = first_line(error), " and ".join(files)
        raise DataError(complain("one type per column", found, where, "write them alike")) from None


def typed_columns(
    frame: pl.DataFrame, parts: Sequence[Cleaned], table: str, declared: Schema | None
) -> tuple[pl.DataFrame, tuple[Column, ...], list[Finding]]:
    """Return the frame with every attribute parsed by its role, its columns, and findings."""
    named = {c.name: c for c in declared.columns(table)} if declared is not None else {}
    _check_declared(frame, named, table, len(parts) > 1)
    consents = {c.consent for c in named.values() if c.consent}
    hints = {k: v for part in parts for k, v in part.hints.items()}
    units = {k: v for part in parts for k, v in part.units.items()}
    found: list[Finding] = []
    values: list[pl.Series] = []
    roles: list[Role] = []
    for name in (n for n in frame.columns if n not in (FILE, ROW)):
        raw = frame[name]
        if name in _OWN and (table == "interactions" or name == KEYS.get(table)):
            role: Role = name  # type: ignore[assignment]
        elif name in consents or (not named and is_consent(name, raw)):
            role, raw = "context", truth(raw)
        else:
            role = named[name].role if name in named else _role(raw, table, hints.get(name, ""))
            if table != "interactions":  # context stays as it is read, see `context_values`
                parsed = parse(raw, role, named[name].unit if name in named else "")
                found += _unread(frame, raw, parsed, table, role, name in named)
                if parsed.values.dtype == pl.String and role != "ignore":
                    found += _cut(frame, raw, table)
                raw, units[name] = parsed.values, parsed.unit
                if role == "tags" and name not in named and table == "items" and is_links(raw, frame[_KEY]):
                    role = "links"
        values.append(raw.alias(name))
        roles.append(role)
    sources = {to: source for part in parts for source, to in part.renames.items()}
    columns = tuple(
        replace(c, source=sources.get(c.name, ""), unit=c.unit or units.get(c.name, ""))
        for c in (named.values() if named else describe(table, values, roles))
        if c.name in frame.columns
    )
    return frame.with_columns(values), columns, found


def _check_declared(frame: pl.DataFrame, named: Mapping[str, Column], table: str, several: bool) -> None:
    """Refuse declared columns that no file has, and consent columns that do not exist."""
    lacking = [c.name for c in named.values() if c.name not in frame.columns and c.role != "ignore"]
    if several and set(lacking) - set(_OWN):
        fix = did_you_mean(lacking[0], frame.columns)
        raise DataError(complain(f"the declared column {lacking[0]!r}", "it in no file", f"[{table}]", fix))
    for column in named.values():
        if column.consent and column.consent not in frame.columns:
            others = [c for c in frame.columns if c not in (FILE, ROW, column.name)]
            line = line_of(Column(column.consent, "context"))
            fix = f"{did_you_mean(column.consent, others)} Its line: {line}"
            where = f"[{table}], as consent to {column.name!r}"
            raise DataError(complain(f"a declared column {column.consent!r}", "none", where, fix))


def _role(raw: pl.Series, table: str, hint: str) -> Role:
    return hint if hint in ROLES else infer_role(raw, table)  # type: ignore[return-value]


def _unread(
    frame: pl.DataFrame, raw: pl.Series, parsed: Parsed, table: str, role: Role, declared: bool
) -> list[Finding]:
    """Report values of an attribute that its role cannot hold, and the notation of its numbers."""
    first, name, found = int(parsed.bad.arg_max() or 0), raw.name, []
    file, row = str(frame[FILE][first]), int(frame[ROW][first])
    if parsed.bad.any():
        if declared and not parsed.values.count():
            fix = f"correct the line in [{table}] of sidelight.toml: {line_of(Column(name, role))}"
            where = f"{file or f'the {table}'}, row {row}"
            expected = f"values of the role {role!r} in the column {name!r}"
            raise DataError(complain(expected, f"{_shown(raw[first])} and no other", where, fix))
        defect = "bad-timestamp" if role == "timestamp" else "bad-number"
        message = f"expected a {role}; found {_shown(raw[first])}, which is read as missing"
        fix = "repair the value or change the role in sidelight.toml"
        found.append(new_finding(defect, table, message, fix, column=name, **_place(frame, parsed.bad)))
    if parsed.doubt:
        found.append(ambiguous_values(table, file, name, role, parsed.unit, parsed.doubt))
    elif role == "number" and parsed.unit and not declared:
        at = int(parsed.values.is_not_null().arg_max() or 0)
        message = f"{_shown(raw[at])} is read as {parsed.values[at]:g}"
        line = line_of(Column(name, role, unit=parsed.unit))
        fix = f"fine as it is; to fix the reading, write in [{table}] of sidelight.toml: {line}"
        found.append(new_finding("number-format", table, message, fix, file=file, column=name))
    return found


def _shown(value: object) -> str:
    return shown(value.to_list() if isinstance(value, pl.Series) else value, 60)


def _cut(frame: pl.DataFrame, raw: pl.Series, table: str) -> list[Finding]:
    """Report cells of text that are too long to be kept whole."""
    if raw.dtype != pl.String or not (long := raw.str.len_chars() > LONGEST_TEXT).any():
        return []
    length = len(raw[int(long.arg_max() or 0)])
    message = f"expected at most {LONGEST_TEXT:,} characters; found {length:,}; the rest is left out"
    return [new_finding("long-text", table, message, column=raw.name, **_place(frame, long))]


def _place(frame: pl.DataFrame, rows: pl.Series) -> dict[str, Any]:
    """Return file and number of the first marked row, and the number of marked rows."""
    at = int(rows.arg_max() or 0)
    return {"file": str(frame[FILE][at]), "row": int(frame[ROW][at]), "count": int(rows.sum())}


def _mixed_ids(frames: Mapping[str, pl.DataFrame]) -> list[Finding]:
    """Report id columns of whole numbers and other text, unless all ids have one length (as codes do)."""
    out = []
    for table, frame in frames.items():
        for key in (k for k in ("user_id", "item_id") if k in frame.columns):
            ids = frame[key]
            if ids.dtype != pl.String or whole_ids(ids) or ids.str.len_chars().n_unique() == 1:
                continue
            digits = ids.str.contains(r"^\d+$")
            if not digits.any():
                continue
            rare = digits if digits.sum() * 2 < len(ids) else ~digits
            odd = ids[int(rare.arg_max() or 0)]
            message = f"expected ids of one kind; found numbers and text ({odd!r}); all are text now"
            out.append(new_finding("mixed-type-id", table, message, column=key, **_place(frame, rare)))
    return out


def _one_id_type(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the tables with int64 ids where all have whole numbers only, else with text everywhere."""
    out = dict(frames)
    for key in ("user_id", "item_id"):
        tables = [t for t in out if key in out[t].columns and (t == "interactions" or KEYS[t] == key)]
        whole = all(whole_ids(out[t][key]) for t in tables)
        for table in tables:
            out[table] = out[table].with_columns(pl.col(key).cast(pl.Int64 if whole else pl.String))
    return out
