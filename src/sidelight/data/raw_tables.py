"""Tables before they are indexed: of one file, of all files together, and the rows set aside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from sidelight.data.findings import Finding
from sidelight.data.schema import KEYS, Schema

FILE = "__file__"
ROW = "__row__"
QUARANTINE: dict[str, type[pl.DataType]] = {
    "file": pl.String,
    "row": pl.Int64,
    "table": pl.String,
    "defect": pl.String,
    "content": pl.String,
}


def _no_rows() -> pl.DataFrame:
    return pl.DataFrame(schema=QUARANTINE)


@dataclass(frozen=True)
class SourceTable:
    """One table from one file, frame or query, before its values are parsed.

    Args:
        table: "interactions", "items" or "users".
        file: Name of the file for messages, "" for frames.
        frame: Columns under their own names, plus `ROW` (int64, 1-based data row; the header and blank
            lines are not counted).
        findings: Defects seen while reading the file.
        quarantine: Rows that could not be read at all.
        hints: Role by column name, where the format declares it (RecBole's files).
    """

    table: str
    file: str
    frame: pl.DataFrame
    findings: tuple[Finding, ...] = ()
    quarantine: pl.DataFrame = field(default_factory=_no_rows)
    hints: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RawTables:
    """All tables as they were read, before anything is indexed.

    Args:
        frames: By table name ("interactions", "items", "users"); columns have canonical names and
            parsed types (timestamps int64 microseconds, numbers float64, tags List(String), vectors
            List(Float32)), plus `FILE` (Categorical: name of the file, "" for frames) and `ROW`
            (int64, 1-based data row in that file). Rows with a row-level defect are not here.
        schema: Declared in `sidelight.toml`, or inferred.
        findings: Defects seen while reading.
        quarantine: Rows set aside: columns file, row, table, defect, content (the row as JSON text).
        files: Path of every file read, by table.
        guessed: Tables whose roles are inferred: nothing declares them.
    """

    frames: dict[str, pl.DataFrame]
    schema: Schema
    findings: tuple[Finding, ...] = ()
    quarantine: pl.DataFrame = field(default_factory=_no_rows)
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    guessed: frozenset[str] = frozenset()


def with_row_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Number the rows of a frame from 1 in `ROW`."""
    return frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW))


def quarantine_rows(table: str, file: str, defect: str, bad: Sequence[tuple[int, Any]]) -> pl.DataFrame:
    """Return quarantine rows of one defect from row numbers and contents, which are kept as JSON text."""
    rows = [(row, json.dumps(content, ensure_ascii=False)) for row, content in bad]
    frame = pl.DataFrame(rows, schema={"row": pl.Int64, "content": pl.String}, orient="row")
    return frame.select(
        pl.lit(file).alias("file"),
        "row",
        pl.lit(table).alias("table"),
        pl.lit(defect).alias("defect"),
        "content",
    )


def repeated_ids(frame: pl.DataFrame, table: str) -> tuple[pl.Series, pl.DataFrame]:
    """Mark item or user rows whose id an earlier row has; return them as quarantine rows too."""
    again = ~frame[KEYS[table]].is_first_distinct()
    defect = pl.lit(f"duplicate-{table[:-1]}-row")
    return again, quarantine_frame(frame.filter(again), table, pl.col(FILE), defect)


def quarantine_frame(frame: pl.DataFrame, table: str, file: pl.Expr, defect: pl.Expr) -> pl.DataFrame:
    """Return quarantine rows from whole rows of a frame, each kept as JSON text."""
    if frame.is_empty():
        return _no_rows()
    hidden = [n for n, t in frame.schema.items() if t == pl.Binary]
    shown = frame.with_columns(
        pl.format("<{} bytes>", pl.col(n).bin.size().fill_null(0)).alias(n) for n in hidden
    )
    names = [n for n in shown.columns if not n.startswith("__")]
    return shown.select(
        file.cast(pl.String).alias("file"),
        pl.col(ROW).alias("row"),
        pl.lit(table).alias("table"),
        defect.alias("defect"),
        pl.struct(names).struct.json_encode().alias("content"),
    )
