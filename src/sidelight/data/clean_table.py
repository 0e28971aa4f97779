"""Cleaning of one table: ids, times and weights parsed; rows where that fails are set aside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from sidelight.data.coerce_types import plain
from sidelight.data.column_names import REQUIRED, resolve
from sidelight.data.findings import Finding, new_finding
from sidelight.data.ids import MISSING, trimmed_ids
from sidelight.data.parse_values import numbers_in, parse, read_numbers
from sidelight.data.raw_tables import FILE, ROW, SourceTable, quarantine_frame
from sidelight.data.schema import ID_LENGTH, Column, Role, Schema
from sidelight.data.schema_file import line_of
from sidelight.data.time_column import with_time
from sidelight.data.timestamps import WEAK, odd_times
from sidelight.data.vocabulary import ALIASES
from sidelight.errors import DataError, complain

_EXPECTED = {
    "null-id": "an id",
    "blank-id": "an id",
    "long-id": f"an id of at most {ID_LENGTH} characters",
    "bad-timestamp": "a time",
    "time-unit": "a time in the unit of the others",
    "impossible-time": "a time near the others",
    "future-time": "a time near the others",
    "bad-number": "a number",
    "nonfinite-weight": "a finite weight",
    "nonpositive-weight": "a weight > 0",
}


@dataclass(frozen=True)
class Cleaned:
    """One table under canonical names.

    Args:
        frame: Usable rows with ids, timestamp (int64 microseconds), position (int64), weight
            (float64), other columns as read, `FILE` and `ROW`.
        findings: Findings so far.
        quarantine: Rows set aside, with their reasons.
        renames: Name in the file to canonical name.
        units: Unit of a timestamp column and decimal mark of the weight, by name.
        hints: Roles that the format declares, by canonical name.
    """

    frame: pl.DataFrame
    findings: tuple[Finding, ...]
    quarantine: pl.DataFrame
    renames: dict[str, str]
    units: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)


class _Cleaning:
    """Findings and rows found bad, while one table is cleaned."""

    def __init__(self, source: SourceTable, frame: pl.DataFrame) -> None:
        self.source, self.frame = source, frame
        self.findings: list[Finding] = []
        self.reasons = ["", *_EXPECTED]
        self.reason = np.zeros(frame.height, dtype=np.int8)  # index into reasons, 0 is a good row
        self.units: dict[str, str] = {}

    def reject(self, column: str, defect: str, bad: pl.Series) -> None:
        """Mark rows as unusable and report them; a row keeps its first reason."""
        mask = bad.fill_null(False).to_numpy().astype(bool)
        if mask.any():
            self.reason[mask & (self.reason == 0)] = self.reasons.index(defect)
            value = self.frame[column][int(mask.argmax())]
            found = "none" if value is None else _short(value)
            self.note(defect, column, bad, f"expected {_EXPECTED[defect]}; found {found}", True)

    def doubt(self, column: str, role: Role, unit: str, doubt: str) -> None:
        """Add the finding that a column could be read in another way."""
        self.findings.append(ambiguous_values(self.source.table, self.source.file, column, role, unit, doubt))

    def note(self, defect: str, column: str, rows: pl.Series, message: str, aside: bool = False) -> None:
        """Add one finding over the marked rows, with the place of the first."""
        row, count = int(self.frame[ROW][rows.arg_max() or 0]), int(rows.sum())
        place: dict[str, Any] = {"file": self.source.file, "row": row, "column": column, "count": count}
        self.findings.append(new_finding(defect, self.source.table, message, quarantined=aside, **place))


def clean(source: SourceTable, declared: Schema | None = None, partial: bool = False) -> Cleaned:
    """Resolve names, parse the columns that identify and order a row, and set bad rows aside.

    Args:
        source: The table as read.
        declared: Names and roles from sidelight.toml, if there is one.
        partial: Another file of the table may hold the declared columns that this one lacks.

    Raises:
        DataError: A required column is missing, or not one value of a column can be read.
    """
    source = replace(source, frame=source.frame.with_columns(plain(values) for values in source.frame))
    names = [n for n in source.frame.columns if n != ROW]
    mapping = resolve(names, source.table, source.file, declared, partial)
    if source.table == "interactions" and not (declared and declared.interactions):
        mapping = with_time(source, mapping)
    frame = _renamed(source, mapping.renames)
    if declared is not None and declared.columns(source.table):
        # `weight = { role = "ignore" }` must not be taken for the weight by its name.
        own = ALIASES if source.table == "interactions" else ()
        wanted = {c.name for c in declared.columns(source.table) if c.name not in own or c.role == c.name}
        frame = frame.select(n for n in frame.columns if n in wanted or n == ROW)
    work = _Cleaning(source, frame)
    parsed = [_ids(work, key) for key in REQUIRED[source.table]]
    if source.table == "interactions":
        units = {} if declared is None else {c.name: c.unit for c in declared.interactions}
        parsed += _order_and_weight(work, units)
    dropped = [n for n in frame.columns if work.units.get(n) == "none"]
    file = pl.lit(source.file).cast(pl.Categorical).alias(FILE)
    out = frame.with_columns(parsed).drop(dropped).with_columns(file)
    bad = work.reason > 0
    reasons = pl.Series("__reason__", [work.reasons[i] for i in work.reason[bad]], dtype=pl.String)
    rows = source.frame.filter(bad).with_columns(reasons)
    aside = quarantine_frame(rows, source.table, pl.lit(source.file), pl.col("__reason__"))
    return Cleaned(
        out.filter(~bad),
        (*source.findings, *mapping.findings, *work.findings),
        pl.concat([source.quarantine, aside]),
        mapping.renames,
        work.units,
        {mapping.renames.get(n, n): role for n, role in source.hints.items()},
    )


def _renamed(source: SourceTable, renames: dict[str, str]) -> pl.DataFrame:
    try:
        return source.frame.rename(renames)
    except pl.exceptions.DuplicateError:
        clash = next(n for n in renames.values() if n in source.frame.columns)
        fix = "rename one of them in the file"
        raise DataError(complain(f"one column {clash!r}", "two", source.file, fix)) from None


def _ids(work: _Cleaning, key: str) -> pl.Series:
    raw = work.frame[key]
    if isinstance(raw.dtype, pl.List) or raw.dtype in (pl.Binary, pl.Boolean):
        where, fix = work.source.file, f"repair {key!r}"
        raise DataError(complain("ids: text or whole numbers", f"{raw.dtype}", where, fix))
    ids = trimmed_ids(raw)
    if ids.dtype == pl.String:
        blank = (ids == "") & raw.is_not_null()
        if raw.dtype == pl.String:
            trimmed = (raw != ids).fill_null(False) & ~blank.fill_null(False)
            if trimmed.any():
                message = f"found white space or NUL in {_short(raw[trimmed.arg_max() or 0])}; it is left out"
                work.note("id-whitespace", key, trimmed, message)
        work.reject(key, "blank-id", blank)
        work.reject(key, "long-id", ids.str.len_chars() > ID_LENGTH)
        broken = ids.str.contains("\ufffd", literal=True).fill_null(False)
        if broken.any():
            message = f"found {_short(ids[broken.arg_max() or 0])}, of which a character is lost"
            work.note("broken-id", key, broken, message)
        ids = _without_point(work, key, ids)
        work.reject(key, "null-id", ids.is_in(MISSING))
    work.reject(key, "null-id", ids.is_null())
    return ids


def _short(value: object, room: int = 80) -> str:
    """Return a value for a message; long ones are cut."""
    text = repr(value)
    return text if len(text) <= room else f"{text[:room]}... ({len(str(value)):,} characters)"


def _without_point(work: _Cleaning, key: str, ids: pl.Series) -> pl.Series:
    """Return ids such as "17.0" (whole numbers that went through a float column) as "17"."""
    ends = ids.str.ends_with(".0").fill_null(False)
    if not ends.any() or not ids.drop_nulls().str.contains(r"^(-?\d+(\.0)?)?$").all():
        return ids
    example = ids[ends.arg_max() or 0]
    work.note("float-id", key, ends, f"expected whole numbers; found {example!r}; the .0 is left out")
    return ids.str.strip_suffix(".0")


def _order_and_weight(work: _Cleaning, declared: dict[str, str]) -> list[pl.Series]:
    out = []
    for name in ("timestamp", "position", "weight"):
        if name not in work.frame.columns:
            continue
        raw = work.frame[name]
        if raw.null_count() == len(raw):
            work.units[name] = "none"
            work.note("empty-column", name, raw.is_null(), "found no value; the column is left out")
        elif name == "timestamp":
            out.append(_timestamp(work, raw, declared.get(name, "")))
        elif name == "position":
            out.append(_position(work, raw))
        else:
            out.append(_weight(work, raw, declared.get(name, "")))
    return out


def _timestamp(work: _Cleaning, raw: pl.Series, unit: str) -> pl.Series:
    declared = unit
    times, _, unit, doubt = parse(raw, "timestamp", unit)
    fix = "write ISO 8601 (2024-01-31T10:00:00Z) or seconds since 1970"
    if declared and declared == unit:
        fix = f"correct unit = {declared!r} in sidelight.toml"
    _check_any_read(work, raw, times, "times", fix)
    work.units[raw.name] = unit
    work.reject(raw.name, "bad-timestamp", times.is_null())
    odd = odd_times(times)
    for defect in odd.drop_nulls().unique().sort():
        work.reject(raw.name, defect, odd == defect)
    if doubt:
        work.doubt(raw.name, "timestamp", unit, doubt)
    elif unit in WEAK and unit != declared:
        message = f"its numbers are read as times of the unit {unit!r}"
        line = line_of(Column("timestamp", "timestamp", unit=unit))
        work.note("guessed-time", raw.name, times.is_not_null(), f"{message}; in sidelight.toml: {line}")
    return times


def _position(work: _Cleaning, raw: pl.Series) -> pl.Series:
    numbers = numbers_in(raw)
    whole = numbers.set((numbers != numbers.round()).fill_null(True), None).cast(pl.Int64, strict=False)
    _check_any_read(work, raw, whole, "whole numbers", "make it 0, 1, 2, ... or rename it")
    work.reject(raw.name, "bad-number", whole.is_null())
    return whole


def _weight(work: _Cleaning, raw: pl.Series, mark: str) -> pl.Series:
    numbers, mark, doubt = read_numbers(raw, mark)
    if doubt:
        work.doubt(raw.name, "weight", mark, doubt)
    work.units[raw.name] = mark
    _check_any_read(work, raw, numbers, "numbers", "rename it, or name the weight in sidelight.toml")
    small = numbers.cast(pl.Float32)  # what the models get: a weight must survive this
    finite = small.is_finite().fill_null(True)
    work.reject(raw.name, "bad-number", numbers.is_null())
    work.reject(raw.name, "nonfinite-weight", ~finite)
    work.reject(raw.name, "nonpositive-weight", finite & (small <= 0))
    return numbers


def ambiguous_values(table: str, file: str, name: str, role: Role, unit: str, doubt: str) -> Finding:
    """Return the finding that a column could be read in another way, with the line that decides it."""
    other = {"dmy": "mdy", "mdy": "dmy", ",": "."}.get(unit, ",")
    lines = [line_of(Column(name, role, unit=one)) for one in (unit or ".", other)]
    message = f"{doubt}; it is read as the first of the lines says"
    fix = f"write in [{table}] of sidelight.toml: {lines[0]} or {lines[1]}"
    return new_finding("ambiguous-values", table, message, fix, file=file, column=name)


def _check_any_read(work: _Cleaning, raw: pl.Series, read: pl.Series, expected: str, fix: str) -> None:
    """Refuse a column of which no value can be read: it is not what its name says."""
    if read.null_count() == len(read):
        expected, found = f"{expected} in the column {raw.name!r}", f"{raw.drop_nulls()[0]!r} and no other"
        raise DataError(complain(expected, found, work.source.file, fix))
