"""Tables as they were read: canonical column names, every row knows its file and row number."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from sidelight.data.findings import Finding
from sidelight.data.schema import Schema

FILE = "__file__"
ROW = "__row__"
QUARANTINE: dict[str, type[pl.DataType]] = {
    "file": pl.String,
    "row": pl.Int64,
    "table": pl.String,
    "defect": pl.String,
    "content": pl.String,
}


@dataclass(frozen=True)
class RawTables:
    """What reading gave, before anything is indexed.

    Args:
        frames: By table name ("interactions", "items", "users"); columns have canonical names and
            parsed types (timestamps int64 microseconds, numbers float64, tags List(String), vectors
            List(Float32)), plus `FILE` (Categorical: name of the file, "" for frames) and `ROW`
            (int64, 1-based data row in that file). Rows with a row-level defect are not here.
        schema: Declared in `sidelight.toml`, or inferred.
        findings: Defects seen while reading.
        quarantine: Rows set aside: columns file, row, table, defect, content (the row as JSON text).
        files: Path of every file read, by table.
        guessed: Tables whose roles are guesses: nothing declares them.
    """

    frames: dict[str, pl.DataFrame]
    schema: Schema
    findings: tuple[Finding, ...] = ()
    quarantine: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINE))
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    guessed: frozenset[str] = frozenset()
