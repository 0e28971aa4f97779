"""CSV, TSV and RecBole's files: read by polars where the file is clean, row by row where it is not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from sidelight.data.findings import Finding, new_finding
from sidelight.data.infer_roles import tokens
from sidelight.data.raw_tables import ROW, SourceTable, quarantine_rows, with_row_numbers
from sidelight.data.text_decoding import load_text
from sidelight.data.vocabulary import ROLE_WORDS
from sidelight.errors import DataError, complain, did_you_mean

SEPARATORS = ",\t;|"
RECBOLE = {".inter": "interactions", ".item": "items", ".user": "users"}
_TYPES = ("token", "token_seq", "float", "float_seq")
_LONGEST_FIELD = 1 << 27


def read_delimited(path: Path, table: str, separator: str | None = None) -> SourceTable:
    """Read a delimited text file with a header line; every value is text, blank is null.

    Rows with more or fewer fields than the header are set aside ("ragged-row"). Blank lines are
    not rows. A quoted field may hold line breaks: the row number stays that of the data row.

    Args:
        path: The file; gzip is recognised by its first bytes.
        table: "interactions", "items" or "users".
        separator: One character; None finds it in the header among comma, tab, ; and |.
    """
    data, findings = load_text(path, table)
    data = data.strip(b"\r\n")
    separator = separator or sniff(data)
    names, body = _header(data, separator)
    unique = _unique(names)
    findings += _changed_names(names, unique, table, path.name)
    frame = _read_fast(data, unique, separator)
    bad: list[tuple[int, list[str]]] = []
    if frame is None:
        frame, bad = _read_carefully(body, unique, separator)
    if frame.is_empty():
        found = f"{len(bad[0][1])} in row 1" if bad else "no row"
        expected = f"rows of {len(names)} fields, as the header has"
        raise DataError(complain(expected, found, str(path), "repair the header"))
    if bad:
        row, fields = bad[0]
        message = f"expected {len(names)} fields; found {len(fields)}, beginning {' '.join(fields)[:40]!r}"
        fix = "quote fields that hold the separator or line breaks"
        place: dict[str, Any] = {"file": path.name, "row": row, "count": len(bad), "quarantined": True}
        findings.append(new_finding("ragged-row", table, message, fix, **place))
    return SourceTable(
        table,
        path.name,
        frame.with_columns(pl.col(pl.String).replace("", None)),
        tuple(findings),
        quarantine_rows(table, path.name, "ragged-row", bad),
        {new: "ignore" for name, new in zip(names, unique, strict=True) if not name},
    )


def read_recbole(path: Path, table: str) -> SourceTable:
    """Read one of RecBole's atomic files, tab-separated, whose header names the type of each column.

    token is a value, token_seq words divided by spaces (tags, or text where the name says so),
    float a number, float_seq a vector.

    Raises:
        DataError: A header field has no known type.
    """
    source = read_delimited(path, table)
    frame, hints, names = source.frame, dict(source.hints), {}
    for field in (f for f in frame.columns if f != ROW and f not in source.hints):
        name, _, kind = field.rpartition(":")
        if kind not in _TYPES or not name:
            fix = did_you_mean(kind, _TYPES) if name else f"types are {', '.join(_TYPES)}"
            raise DataError(complain("header fields name:type", repr(field), str(path), fix))
        names[field] = name
        words = kind == "token_seq" and not tokens(name) & ROLE_WORDS["text"]
        if words:
            frame = frame.with_columns(pl.col(field).str.split(" "))
        if kind.endswith("_seq"):
            hints[name] = "vector" if kind == "float_seq" else "tags" if words else "text"
    return replace(source, frame=frame.rename(names), hints=hints)


def sniff(data: bytes) -> str:
    """Return the separator that cuts the header line (and the next line) into most fields."""
    lines = data.split(b"\n", 2)[:2]
    head = [line.decode("utf-8", "replace").replace("\r", " ") for line in lines]

    def fields(separator: str) -> int:
        counts = [len(next(csv.reader([line], delimiter=separator), [])) for line in head]
        return counts[0] if len(set(counts)) == 1 else counts[0] - 1

    return max(SEPARATORS, key=lambda s: (fields(s), -SEPARATORS.index(s)))


def _header(data: bytes, separator: str) -> tuple[list[str], bytes]:
    """Return the column names and the bytes after the header (which may hold quoted line breaks)."""
    stream = io.BytesIO(data)
    try:
        fields = next(csv.reader((line.decode() for line in stream), delimiter=separator, strict=True))
    except csv.Error:
        stream.seek(0)
        fields = stream.readline().decode().replace("\r", " ").split(separator)
    return [field.strip() for field in fields], data[stream.tell() :]


def _unique(names: list[str]) -> list[str]:
    """Make names distinct by a number; a column without a name is named by its position."""
    out: list[str] = []
    for i, name in enumerate(names):
        name = name or f"column_{i + 1}"
        new, n = name, 2
        while new in out:
            new, n = f"{name}_{n}", n + 1
        out.append(new)
    return out


def _changed_names(names: list[str], unique: list[str], table: str, file: str) -> list[Finding]:
    out = []
    for name, new in zip(names, unique, strict=True):
        if name != new:
            defect = "duplicate-column-name" if name else "empty-column-name"
            found = f"{name!r} again" if name else "none"
            message = f"expected a name of its own for each column; found {found}, which is read as {new!r}"
            out.append(new_finding(defect, table, message, file=file, column=new))
    return out


def _read_fast(data: bytes, names: list[str], separator: str) -> pl.DataFrame | None:
    """Read the whole file with polars; None unless it is certain that every row was clean."""
    if len(names) < 2:
        return None
    try:
        frame = pl.read_csv(data, infer_schema=False, separator=separator, new_columns=names)
    except pl.exceptions.PolarsError:
        return None
    frame = frame.fill_null("")  # read_csv's own option for it has another name in older polars
    # polars fills short rows (and blank lines) in silence: they show as missing separators.
    inside = 0
    if b'"' in data:
        counts = frame.select(pl.all().str.count_matches(separator, literal=True).sum())
        inside = sum(counts.row(0)) + sum(n.count(separator) for n in names)
    expected = (frame.height + 1) * (len(names) - 1) + inside
    if frame.width != len(names) or data.count(separator.encode()) != expected:
        return None
    return with_row_numbers(frame)


def _read_carefully(
    body: bytes, names: list[str], separator: str
) -> tuple[pl.DataFrame, list[tuple[int, list[str]]]]:
    """Read row by row; return the good rows, and the ragged ones with their row numbers."""
    good: list[list[str]] = []
    numbers: list[int] = []
    bad: list[tuple[int, list[str]]] = []
    for row, fields in enumerate(_records(body.decode().split("\n"), separator), start=1):
        if len(fields) == len(names):
            good.append(fields)
            numbers.append(row)
        else:
            bad.append((row, fields))
    frame = pl.DataFrame(good, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(pl.Series(ROW, numbers, dtype=pl.Int64)), bad


def _records(lines: list[str], separator: str) -> Iterator[list[str]]:
    """Yield the fields of each record; a quote that is never closed costs its own line, not the rest."""
    limit = csv.field_size_limit(_LONGEST_FIELD)
    try:
        at = 0
        while at < len(lines):
            start, last = at, 0
            rest = (lines[i] + "\n" for i in range(start, len(lines)))
            reader = csv.reader(rest, delimiter=separator, strict=True)
            at = len(lines)
            try:
                for fields in reader:
                    last = reader.line_num
                    if len(fields) > 1 or (fields and fields[0].strip()):
                        yield fields
            except csv.Error:
                at = start + last + 1
                yield _odd_quotes(lines[at - 1], separator)
    finally:
        csv.field_size_limit(limit)


def _odd_quotes(line: str, separator: str) -> list[str]:
    """Return the fields of a line whose quotes are odd but paired; else the line as one field."""
    if line.count('"') % 2 or "\r" in line.rstrip("\r"):
        return [line]
    return next(csv.reader([line], delimiter=separator))
