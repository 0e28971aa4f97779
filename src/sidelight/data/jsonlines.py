"""JSON lines (one object per line) and JSON arrays of objects; columns from Python values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sidelight.data.coerce_types import as_text, is_missing
from sidelight.data.findings import new_finding
from sidelight.data.raw_tables import ROW, SourceTable, quarantine_rows, with_row_numbers
from sidelight.data.text_decoding import load_text
from sidelight.errors import DataError, complain


def read_json_table(path: Path, table: str) -> SourceTable:
    """Read a table from JSON lines, or from one JSON array of objects.

    Lines that are not one JSON object are set aside ("bad-json-line"). Blank lines are not rows.
    Nested objects become their JSON text.
    """
    data, findings = load_text(path, table)
    array = _array(data, path)
    frame = _read_fast(data) if array is None else None
    bad: list[tuple[int, str]] = []
    if frame is None:
        frame, bad = _read_carefully(data, array)
    if frame.is_empty() or frame.width < 2:
        found = repr(bad[0][1][:60]) if bad else "no column"
        raise DataError(complain("one JSON object per line", found, str(path), "write one object per line"))
    if bad:
        message = f"expected one JSON object; found {bad[0][1][:60]!r}"
        place: dict[str, Any] = {"file": path.name, "row": bad[0][0], "count": len(bad), "quarantined": True}
        findings.append(new_finding("bad-json-line", table, message, **place))
    aside = quarantine_rows(table, path.name, "bad-json-line", bad)
    return SourceTable(table, path.name, frame, tuple(findings), aside)


def _array(data: bytes, path: Path) -> list[Any] | None:
    """Return the members of a JSON array that is the whole file, or None for JSON lines."""
    if not data.lstrip().startswith(b"["):
        return None
    try:
        found = json.loads(data)
    except ValueError as error:
        if b"\n{" in data:
            return None
        raise DataError(complain("a JSON array of objects", str(error), str(path), "repair it")) from None
    return found if isinstance(found, list) else None


def _read_fast(data: bytes) -> pl.DataFrame | None:
    """Read lines with polars; None when some are bad or hold values that need a closer look."""
    try:
        frame = pl.read_ndjson(data, infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    kinds: list[Any] = [kind.inner if isinstance(kind, pl.List) else kind for kind in frame.schema.values()]
    plain = all(kind in (pl.String, pl.Boolean, pl.Null) or kind.is_numeric() for kind in kinds)
    return with_row_numbers(frame) if plain and frame.width else None


def _read_carefully(data: bytes, array: list[Any] | None) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """Read line by line; return the frame of good rows, and the bad lines with their row numbers."""
    lines: Sequence[Any] = [s for s in data.decode().split("\n") if s.strip()] if array is None else array
    good, numbers, values, bad = [], [], [], []
    for row, line in enumerate(lines, start=1):
        value = _value(line)
        if isinstance(value, dict):
            good.append(line)
            numbers.append(row)
            values.append(value)
        else:
            bad.append((row, line if isinstance(line, str) else json.dumps(line)))
    frame = _read_fast("\n".join(good).encode()) if bad and good and array is None else None
    if frame is None:
        names = dict.fromkeys(name for value in values for name in value)
        frame = pl.DataFrame([from_python(name, [value.get(name) for value in values]) for name in names])
    row_numbers = pl.Series(ROW, numbers, dtype=pl.Int64)
    return frame.with_columns(row_numbers) if good else row_numbers.to_frame(), bad


def _value(line: Any) -> Any:
    """Return the value of a line (or of a member of an array); None for a line that is not JSON."""
    if not isinstance(line, str):
        return line
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def from_python(name: str, values: Sequence[Any]) -> pl.Series:
    """Return a column of any Python values: of one type where they have one, of text where they differ.

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
    fits = kinds != {int} or all(v is None or -(2**63) <= v < 2**63 for v in values)
    if len(kinds) <= 1 and dict not in kinds and fits:
        try:
            return pl.Series(name, values, strict=False)
        except UnicodeEncodeError:  # half a surrogate pair
            pass
    return pl.Series(name, [None if v is None else as_text(v) for v in values], dtype=pl.String)


def _python(value: Any) -> Any:
    """Return a numpy scalar or array, or a set, as plain Python values."""
    if isinstance(value, np.datetime64):
        return value.astype("datetime64[us]").item()
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return sorted(value, key=str) if isinstance(value, set | frozenset) else value


def _member(value: Any, inner: Any) -> Any:
    if inner != pl.String:
        return value
    return None if is_missing(value) else as_text(value)
