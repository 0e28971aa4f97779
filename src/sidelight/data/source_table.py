"""`Sheet`: one table as it stands in one file, before its values are understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from sidelight.data.defects import DEFECTS
from sidelight.data.findings import Finding
from sidelight.data.raw_tables import QUARANTINE, ROW


@dataclass(frozen=True)
class SourceTable:
    """One file (or frame, or query) of one table.

    Args:
        table: "interactions", "items" or "users".
        file: Name of the file for messages, "" for frames.
        frame: The columns under their own names, plus `ROW` (int64, 1-based data row; the header
            and blank lines are not counted).
        findings: What reading the file noticed.
        quarantine: Rows that could not be read at all.
        hints: Role by column name, where the format says it (atomic files).
    """

    table: str
    file: str
    frame: pl.DataFrame
    findings: tuple[Finding, ...] = ()
    quarantine: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINE))
    hints: dict[str, str] = field(default_factory=dict)


def with_findings(
    defect: str,
    table: str,
    message: str,
    fix: str = "",
    *,
    file: str = "",
    row: int | None = None,
    column: str = "",
    count: int = 1,
    quarantined: bool = False,
) -> Finding:
    """A finding of the readers, with severity and advice from the registry of defects.

    A value that was only made null is a warning, where a row set aside is an error.
    """
    severity, _, advice = DEFECTS[defect]
    if severity == "error" and not quarantined:
        severity = "warning"
    return Finding(defect, severity, table, message, fix or advice, file, row, column, count, quarantined)


def with_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its rows numbered from 1 in `ROW`."""
    return frame.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW))


def quarantine_rows(
    table: str, file: str, rows: Sequence[int], defects: Sequence[str], contents: Sequence[str]
) -> pl.DataFrame:
    """Quarantine rows from plain lists of equal length."""
    return pl.DataFrame(
        {
            "file": [file] * len(rows),
            "row": rows,
            "table": [table] * len(rows),
            "defect": defects,
            "content": contents,
        },
        schema=QUARANTINE,
    )


def quarantine_frame(frame: pl.DataFrame, table: str, file: pl.Expr | None, defect: pl.Expr) -> pl.DataFrame:
    """Quarantine rows from whole rows of a frame, the row kept as JSON text."""
    if frame.is_empty():
        return pl.DataFrame(schema=QUARANTINE)
    hidden = [n for n, t in frame.schema.items() if t == pl.Binary]
    shown = frame.with_columns(
        pl.format("<{} bytes>", pl.col(n).bin.size().fill_null(0)).alias(n) for n in hidden
    )
    names = [n for n in shown.columns if not n.startswith("__")]
    return shown.select(
        (pl.lit("") if file is None else file).cast(pl.String).alias("file"),
        pl.col(ROW).alias("row"),
        pl.lit(table).alias("table"),
        defect.alias("defect"),
        pl.struct(names).struct.json_encode().alias("content"),
    )
