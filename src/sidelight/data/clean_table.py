"""One sheet with its ids, times and weights understood; rows where that fails are set aside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from sidelight.data.coerce_types import plain
from sidelight.data.column_names import ALIASES, REQUIRED, resolve
from sidelight.data.findings import Finding
from sidelight.data.ids import MISSING, trimmed_ids
from sidelight.data.parse_values import numbers_in, parse, read_numbers
from sidelight.data.raw_tables import FILE, ROW
from sidelight.data.schema import ID_LENGTH, Column, Role, Schema
from sidelight.data.schema_file import line_of
from sidelight.data.source_table import SourceTable, quarantine_frame, with_findings
from sidelight.data.time_column import with_time
from sidelight.data.timestamps import WEAK, odd_times
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
    """A sheet under canonical names.

    Args:
        frame: Usable rows with ids, timestamp (int64 microseconds), position (int64), weight
            (float64), other columns as read, `FILE` and `ROW`.
        findings: Everything noticed so far.
        quarantine: Rows set aside, with their reasons.
        renames: Name in the file to canonical name.
        units: Unit read, by name of a timestamp column.
        hints: Roles that the format says, by canonical name.
    """

    frame: pl.DataFrame
    findings: tuple[Finding, ...]
    quarantine: pl.DataFrame
    renames: dict[str, str]
    units: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)


class _Work:
    """Columns under change and the rows found bad, while one sheet is cleaned."""

    def __init__(self, sheet: SourceTable, frame: pl.DataFrame) -> None:
        self.sheet, self.frame = sheet, frame
        self.findings: list[Finding] = []
        self.reasons = ["", *_EXPECTED]
        self.reason = np.zeros(frame.height, dtype=np.int8)  # index into reasons, 0 is a good row
        self.units: dict[str, str] = {}

    def reject(self, column: str, defect: str, bad: pl.Series) -> None:
        """Marks rows as unusable and says so; a row keeps its first reason."""
        mask = bad.to_numpy().astype(bool)
        if mask.any():
            self.reason[mask & (self.reason == 0)] = self.reasons.index(defect)
            value = self.frame[column][int(mask.argmax())]
            shown = "none" if value is None else _short(value)
            self.say(defect, column, bad, f"expected {_EXPECTED[defect]}; found {shown}", True)

    def say(self, defect: str, column: str, rows: pl.Series, message: str, quarantined: bool = False) -> None:
        """One finding over the marked rows, with the place of the first."""
        self.findings.append(
            with_findings(
                defect,
                self.sheet.table,
                message,
                file=self.sheet.file,
                row=int(self.frame[ROW][rows.arg_max() or 0]),
                column=column,
                count=int(rows.sum()),
                quarantined=quarantined,
            )
        )


def clean(sheet: SourceTable, declared: Schema | None = None, partial: bool = False) -> Cleaned:
    """Resolves names, parses what identifies and orders a row, and sets bad rows aside.

    Args:
        sheet: What was read.
        declared: Names and roles from sidelight.toml, if there is one.
        partial: Another sheet of the table may hold the declared columns that this one lacks.

    Raises:
        DataError: A required column is missing, or not one value of a column can be read.
    """
    sheet = replace(sheet, frame=sheet.frame.with_columns(plain(values) for values in sheet.frame))
    names = [n for n in sheet.frame.columns if n != ROW]
    naming = resolve(names, sheet.table, sheet.file, declared, partial)
    if sheet.table == "interactions" and not (declared and declared.interactions):
        naming = with_time(sheet, naming)
    frame = _renamed(sheet, naming.renames)
    if declared is not None and declared.columns(sheet.table):
        # `weight = { role = "ignore" }` must not be taken for the weight by its name.
        own = ALIASES if sheet.table == "interactions" else ()
        wanted = {c.name for c in declared.columns(sheet.table) if c.name not in own or c.role == c.name}
        frame = frame.select(n for n in frame.columns if n in wanted or n == ROW)
    work = _Work(sheet, frame)
    fresh = [_ids(work, key) for key in REQUIRED[sheet.table]]
    if sheet.table == "interactions":
        units = {} if declared is None else {c.name: c.unit for c in declared.interactions}
        fresh += _order_and_weight(work, units)
    dropped = [n for n in frame.columns if n in work.units and work.units[n] == "none"]
    out = frame.with_columns(fresh).drop(dropped).with_columns(_file(sheet.file))
    bad = work.reason > 0
    aside = quarantine_frame(
        sheet.frame.filter(bad).with_columns(
            pl.Series("__reason__", [work.reasons[i] for i in work.reason[bad]], dtype=pl.String)
        ),
        sheet.table,
        pl.lit(sheet.file),
        pl.col("__reason__"),
    )
    return Cleaned(
        out.filter(~bad),
        (*sheet.findings, *naming.findings, *work.findings),
        pl.concat([sheet.quarantine, aside]),
        naming.renames,
        work.units,
        {naming.renames.get(n, n): role for n, role in sheet.hints.items()},
    )


def _renamed(sheet: SourceTable, renames: dict[str, str]) -> pl.DataFrame:
    try:
        return sheet.frame.rename(renames)
    except pl.exceptions.DuplicateError:
        clash = next(n for n in renames.values() if n in sheet.frame.columns)
        raise DataError(
            complain(f"one column {clash!r}", "two", sheet.file, "rename one of them in the file")
        ) from None


def _file(name: str) -> pl.Expr:
    return pl.lit(name).cast(pl.Categorical).alias(FILE)


def _ids(work: _Work, key: str) -> pl.Series:
    raw = work.frame[key]
    if isinstance(raw.dtype, pl.List) or raw.dtype in (pl.Binary, pl.Boolean):
        raise DataError(
            complain("ids: text or whole numbers", f"{raw.dtype}", work.sheet.file, f"repair {key!r}")
        )
    ids = trimmed_ids(raw)
    if ids.dtype == pl.String:
        blank = (ids == "") & raw.is_not_null()
        if raw.dtype == pl.String:
            trimmed = (raw != ids).fill_null(False) & ~blank.fill_null(False)
            if trimmed.any():
                example = _short(raw[trimmed.arg_max() or 0])
                work.say(
                    "id-whitespace", key, trimmed, f"found white space or NUL in {example}; it is left out"
                )
        work.reject(key, "blank-id", blank.fill_null(False))
        work.reject(key, "long-id", (ids.str.len_chars() > ID_LENGTH).fill_null(False))
        broken = ids.str.contains("\ufffd", literal=True).fill_null(False)
        if broken.any():
            example = _short(ids[broken.arg_max() or 0])
            work.say("broken-id", key, broken, f"found {example}, of which a character is lost")
        ids = _without_point(work, key, ids)
        work.reject(key, "null-id", ids.is_in(MISSING).fill_null(False))
    work.reject(key, "null-id", ids.is_null())
    return ids


def _short(value: object, room: int = 80) -> str:
    """A value for a message; long ones are cut."""
    text = repr(value)
    return text if len(text) <= room else f"{text[:room]}... ({len(str(value)):,} characters)"


def _without_point(work: _Work, key: str, ids: pl.Series) -> pl.Series:
    """Ids such as "17.0" (whole numbers that went through a float column) as "17"."""
    ends = ids.str.ends_with(".0").fill_null(False)
    if not ends.any() or not ids.drop_nulls().str.contains(r"^(-?\d+(\.0)?)?$").all():
        return ids
    example = ids[ends.arg_max() or 0]
    work.say("float-id", key, ends, f"expected whole numbers; found {example!r}; the .0 is left out")
    return ids.str.strip_suffix(".0")


def _order_and_weight(work: _Work, declared: dict[str, str]) -> list[pl.Series]:
    out = []
    for name in ("timestamp", "position", "weight"):
        if name not in work.frame.columns:
            continue
        raw = work.frame[name]
        if raw.null_count() == len(raw):
            work.units[name] = "none"
            work.say("empty-column", name, raw.is_null(), "found no value; the column is left out")
        elif name == "timestamp":
            out.append(_timestamp(work, raw, declared.get(name, "")))
        elif name == "position":
            out.append(_position(work, raw))
        else:
            out.append(_weight(work, raw, declared.get(name, "")))
    return out


def _timestamp(work: _Work, raw: pl.Series, unit: str) -> pl.Series:
    declared = unit
    times, _, unit, doubt = parse(raw, "timestamp", unit)
    fix = "write ISO 8601 (2024-01-31T10:00:00Z) or seconds since 1970"
    if declared and declared == unit:
        fix = f"correct unit = {declared!r} in sidelight.toml"
    _nothing_read(work, raw, times, "times", fix)
    work.units[raw.name] = unit
    work.reject(raw.name, "bad-timestamp", times.is_null())
    odd = odd_times(times)
    for defect in odd.drop_nulls().unique().sort():
        work.reject(raw.name, defect, (odd == defect).fill_null(False))
    if doubt:
        work.findings.append(doubtful(work.sheet.table, work.sheet.file, raw.name, "timestamp", unit, doubt))
    elif unit in WEAK and unit != declared:
        said = f"its numbers are read as times of the unit {unit!r}"
        line = line_of(Column("timestamp", "timestamp", unit=unit))
        work.say("guessed-time", raw.name, times.is_not_null(), f"{said}; in sidelight.toml: {line}")
    return times


def _position(work: _Work, raw: pl.Series) -> pl.Series:
    numbers = numbers_in(raw)
    whole = numbers.set((numbers != numbers.round()).fill_null(True), None).cast(pl.Int64, strict=False)
    _nothing_read(work, raw, whole, "whole numbers", "make it 0, 1, 2, ... or rename it")
    work.reject(raw.name, "bad-number", whole.is_null())
    return whole


def _weight(work: _Work, raw: pl.Series, mark: str) -> pl.Series:
    numbers, mark, doubt = read_numbers(raw, mark)
    if doubt:
        work.findings.append(doubtful(work.sheet.table, work.sheet.file, raw.name, "weight", mark, doubt))
    work.units[raw.name] = mark
    _nothing_read(work, raw, numbers, "numbers", "rename it, or name the weight in sidelight.toml")
    small = numbers.cast(pl.Float32)  # what the models get: a weight must survive this
    finite = small.is_finite().fill_null(True)
    work.reject(raw.name, "bad-number", numbers.is_null())
    work.reject(raw.name, "nonfinite-weight", ~finite)
    work.reject(raw.name, "nonpositive-weight", finite & (small <= 0).fill_null(False))
    return numbers


def doubtful(table: str, file: str, name: str, role: Role, unit: str, doubt: str) -> Finding:
    """The finding that a column could be read in another way, with the line that decides it."""
    other = {"dmy": "mdy", "mdy": "dmy", ",": "."}.get(unit, ",")
    lines = [line_of(Column(name, role, unit=one)) for one in (unit or ".", other)]
    return with_findings(
        "ambiguous-values",
        table,
        f"{doubt}; it is read as the first of the lines says",
        f"write in [{table}] of sidelight.toml: {lines[0]} or {lines[1]}",
        file=file,
        column=name,
    )


def _nothing_read(work: _Work, raw: pl.Series, read: pl.Series, expected: str, fix: str) -> None:
    """Every value unreadable: the column is not what its name says, which is no row's fault."""
    if read.null_count() < len(read):
        return
    example = raw.drop_nulls()[0]
    raise DataError(
        complain(f"{expected} in the column {raw.name!r}", f"{example!r} and no other", work.sheet.file, fix)
    )
