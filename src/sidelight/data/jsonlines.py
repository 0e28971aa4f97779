"""JSON lines (one object a line) and a JSON array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sidelight.data.coerce_types import as_text, is_missing
from sidelight.data.raw_tables import ROW
from sidelight.data.source_table import SourceTable, quarantine_rows, with_findings, with_rows
from sidelight.data.text_decoding import load_text
from sidelight.errors import DataError, complain


def read_json(path: Path, table: str) -> SourceTable:
    """A table from JSON lines, or from one JSON array of objects.

    Lines that are not one JSON object are set aside ("bad-json-line"). Blank lines are not rows.
    Nested objects become their JSON text.
    """
    data, findings = load_text(path, table)
    array = _array(data, path)
    frame = _fast(data) if array is None else None
    bad: list[tuple[int, str]] = []
    if frame is None:
        frame, bad = _careful(data, array)
    if frame.is_empty() or frame.width < 2:
        found = repr(bad[0][1][:60]) if bad else "no column"
        raise DataError(complain("one JSON object a line", found, str(path), "write one object a line"))
    if bad:
        findings.append(
            with_findings(
                "bad-json-line",
                table,
                f"expected one JSON object; found {bad[0][1][:60]!r}",
                file=path.name,
                row=bad[0][0],
                count=len(bad),
                quarantined=True,
            )
        )
    rows, contents = [row for row, _ in bad], [json.dumps(text, ensure_ascii=False) for _, text in bad]
    aside = quarantine_rows(table, path.name, rows, ["bad-json-line"] * len(bad), contents)
    return SourceTable(table, path.name, frame, tuple(findings), aside)


def _array(data: bytes, path: Path) -> list[Any] | None:
    """The members of a JSON array that is the whole file, or None for JSON lines."""
    if not data.lstrip().startswith(b"["):
        return None
    try:
        found = json.loads(data)
    except ValueError as error:
        if b"\n{" in data:
            return None
        raise DataError(complain("a JSON array of objects", str(error), str(path), "repair it")) from None
    return found if isinstance(found, list) else None


def _fast(data: bytes) -> pl.DataFrame | None:
    """Lines through polars, or None when some are bad or hold what needs a closer look."""
    try:
        frame = pl.read_ndjson(data, infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    plain = all(_plain(kind) for kind in frame.schema.values())
    return with_rows(frame) if plain and frame.width else None


def _plain(kind: Any) -> bool:
    inner = kind.inner if isinstance(kind, pl.List) else kind
    return bool(inner in (pl.String, pl.Boolean, pl.Null) or inner.is_numeric())


def _careful(data: bytes, array: list[Any] | None) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """Line by line; returns the frame of good rows and the bad lines with their row numbers."""
    lines: Sequence[Any] = [s for s in data.decode().split("\n") if s.strip()] if array is None else array
    bad = [row for row, line in enumerate(lines, start=1) if not isinstance(_value(line), dict)]
    wrong = set(bad)
    numbers = pl.Series(ROW, [row for row in range(1, len(lines) + 1) if row not in wrong], dtype=pl.Int64)
    texts = [(row, s if isinstance(s := lines[row - 1], str) else json.dumps(s)) for row in bad]
    good = [line for row, line in enumerate(lines, start=1) if row not in wrong]
    frame = _fast("\n".join(good).encode()) if bad and good and array is None else None
    if frame is None:
        values = [_value(line) for line in good]
        names = list(dict.fromkeys(name for value in values for name in value))
        frame = pl.DataFrame([from_python(name, [value.get(name) for value in values]) for name in names])
    return frame.with_columns(numbers) if good else numbers.to_frame(), texts


def _value(line: Any) -> Any:
    """What a line (or a member of an array) holds; None for what is not JSON."""
    if not isinstance(line, str):
        return line
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def from_python(name: str, values: Sequence[Any]) -> pl.Series:
    """A column from any Python values: one type where they have one, text where they differ.

    Missing values of every kind are null beside text, times and whole numbers; in a column of floats
    NaN stays, to be found by `check`. Times without zone are UTC.
    """
    values = [_python(v) for v in values]
    kinds = {type(v) for v in values if v is not None}
    if not kinds <= {int, float}:
        values = [None if is_missing(v) else v for v in values]
        kinds = {type(v) for v in values if v is not None}
    if kinds and all(issubclass(kind, datetime) for kind in kinds):
        times = [
            v if v is None or v.tzinfo is None else v.astimezone(UTC).replace(tzinfo=None) for v in values
        ]
        return pl.Series(name, times, dtype=pl.Datetime("us"))
    if kinds <= {list, tuple} and kinds:
        members = {type(m) for v in values if v is not None for m in v if m is not None}
        inner: Any = pl.Float64 if members <= {int, float} and float in members else pl.String
        inner = pl.Int64 if members and members <= {int} else inner
        lists = [v if v is None else [_member(m, inner) for m in v] for v in values]
        return pl.Series(name, lists, dtype=pl.List(inner), strict=False)
    if kinds <= {int, float} and float in kinds:
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
    if len(kinds) <= 1 and not kinds & {dict} and _fits(values, kinds):
        try:
            return pl.Series(name, values, strict=False)
        except UnicodeEncodeError:  # half a surrogate pair
            pass
    return pl.Series(name, [None if v is None else as_text(v) for v in values], dtype=pl.String)


def _python(value: Any) -> Any:
    """A numpy scalar or array, or a set, as plain Python has it."""
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]").item()
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return sorted(value, key=str) if isinstance(value, set | frozenset) else value


def _fits(values: Iterable[Any], kinds: set[type]) -> bool:
    """Whether whole numbers fit into 64 bits."""
    return int not in kinds or all(v is None or -(2**63) <= v < 2**63 for v in values)


def _member(value: Any, inner: Any) -> Any:
    value = None if is_missing(value) and inner == pl.String else value
    return as_text(value) if inner == pl.String and value is not None else value
