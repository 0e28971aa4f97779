"""CSV, TSV and their like: polars where the file is clean, row by row where it is not."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from sidelight.data.findings import Finding
from sidelight.data.raw_tables import ROW
from sidelight.data.source_table import SourceTable, quarantine_rows, with_findings, with_rows
from sidelight.data.text_decoding import load_text
from sidelight.errors import DataError, complain

SEPARATORS = ",\t;|"
_LONGEST_FIELD = 1 << 27


def read_delimited(path: Path, table: str, separator: str | None = None) -> SourceTable:
    """A delimited text file with a header line; every value is text, blank is null.

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
    findings += _odd_names(names, unique, table, path.name)
    frame = _fast(data, unique, separator)
    bad: list[tuple[int, list[str]]] = []
    if frame is None:
        frame, bad = _careful(body, unique, separator)
    if frame.is_empty():
        found = f"{len(bad[0][1])} in row 1" if bad else "no row"
        raise DataError(
            complain(f"rows of {len(names)} fields, as the header has", found, str(path), "repair the header")
        )
    if bad:
        findings.append(_ragged(table, path.name, bad, len(names)))
    return SourceTable(
        table,
        path.name,
        frame.with_columns(pl.col(pl.String).replace("", None)),
        tuple(findings),
        quarantine_rows(
            table,
            path.name,
            [row for row, _ in bad],
            ["ragged-row"] * len(bad),
            [json.dumps(fields, ensure_ascii=False) for _, fields in bad],
        ),
        {fresh: "ignore" for name, fresh in zip(names, unique, strict=True) if not name},
    )


def sniff(data: bytes) -> str:
    """The separator of a header line: the one that cuts it (and the next line) into most fields."""
    lines = data.split(b"\n", 2)[:2]
    head = [line.decode("utf-8", "replace").replace("\r", " ") for line in lines]

    def fields(separator: str) -> int:
        counts = [len(next(csv.reader([line], delimiter=separator), [])) for line in head]
        return counts[0] if len(set(counts)) == 1 else counts[0] - 1

    return max(SEPARATORS, key=lambda s: (fields(s), -SEPARATORS.index(s)))


def _header(data: bytes, separator: str) -> tuple[list[str], bytes]:
    """The column names and the bytes after the header (which may hold quoted line breaks)."""
    stream = io.BytesIO(data)
    try:
        fields = next(csv.reader((line.decode() for line in stream), delimiter=separator, strict=True))
    except csv.Error:
        stream.seek(0)
        fields = stream.readline().decode().replace("\r", " ").split(separator)
    return [field.strip() for field in fields], data[stream.tell() :]


def _unique(names: list[str]) -> list[str]:
    """Names made distinct by a number; a column without a name gets its place."""
    out: list[str] = []
    for i, name in enumerate(names):
        name = name or f"column_{i + 1}"
        fresh, n = name, 2
        while fresh in out:
            fresh, n = f"{name}_{n}", n + 1
        out.append(fresh)
    return out


def _odd_names(names: list[str], unique: list[str], table: str, file: str) -> list[Finding]:
    out = []
    for name, fresh in zip(names, unique, strict=True):
        if name == fresh:
            continue
        defect, what = ("duplicate-column-name", f"{name!r} again") if name else ("empty-column-name", "none")
        out.append(
            with_findings(
                defect,
                table,
                f"expected a name of its own for each column; found {what}, which is read as {fresh!r}",
                file=file,
                column=fresh,
            )
        )
    return out


def _fast(data: bytes, names: list[str], separator: str) -> pl.DataFrame | None:
    """The whole file through polars, or None unless it is certain that every row was clean."""
    if len(names) < 2:
        return None
    try:
        frame = pl.read_csv(data, infer_schema=False, separator=separator, new_columns=names)
    except pl.exceptions.PolarsError:
        return None
    frame = frame.fill_null("")  # read_csv's own option for it has another name in older polars
    # polars fills short rows (and blank lines) in silence: they show as missing separators.
    sep = separator.encode()
    inside = 0
    if b'"' in data:
        counts = frame.select(pl.all().str.count_matches(separator, literal=True).sum())
        inside = sum(counts.row(0)) + sum(n.count(separator) for n in names)
    if frame.width != len(names) or data.count(sep) != (frame.height + 1) * (len(names) - 1) + inside:
        return None
    return with_rows(frame)


def _careful(
    body: bytes, names: list[str], separator: str
) -> tuple[pl.DataFrame, list[tuple[int, list[str]]]]:
    """Row by row; returns the good rows and the ragged ones with their row numbers."""
    good: list[list[str]] = []
    numbers: list[int] = []
    bad: list[tuple[int, list[str]]] = []
    for row, fields in enumerate(_records(body.decode().split("\n"), separator), start=1):
        if len(fields) == len(names):
            good.append(fields)
            numbers.append(row)
        else:
            bad.append((row, fields))
    columns = list(zip(*good, strict=True)) if good else [()] * len(names)
    frame = pl.DataFrame(
        {name: pl.Series(name, values, dtype=pl.String) for name, values in zip(names, columns, strict=True)}
    )
    return frame.with_columns(pl.Series(ROW, numbers, dtype=pl.Int64)), bad


def _records(lines: list[str], separator: str) -> Iterator[list[str]]:
    """Fields of each record; a quote that is never closed costs its own line, not the rest."""
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
                yield _loose(lines[at - 1], separator)
    finally:
        csv.field_size_limit(limit)


def _loose(line: str, separator: str) -> list[str]:
    """Fields of a line whose quotes are odd but paired; else the line as one field."""
    if line.count('"') % 2 or "\r" in line.rstrip("\r"):
        return [line]
    return next(csv.reader([line], delimiter=separator))


def _ragged(table: str, file: str, bad: list[tuple[int, list[str]]], width: int) -> Finding:
    row, fields = bad[0]
    return with_findings(
        "ragged-row",
        table,
        f"expected {width} fields; found {len(fields)}, beginning {' '.join(fields)[:40]!r}",
        "quote fields that hold the separator or line breaks",
        file=file,
        row=row,
        count=len(bad),
        quarantined=True,
    )
