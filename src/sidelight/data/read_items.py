"""Readers of item rows that join a catalogue after training."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from sidelight.data.clean_table import clean
from sidelight.data.defects import DEFECTS
from sidelight.data.findings import Finding
from sidelight.data.frames import frame_table
from sidelight.data.join_tables import joined_files, typed_columns
from sidelight.data.raw_tables import FILE, ROW, SourceTable
from sidelight.data.read import SidelightWarning
from sidelight.data.schema import Column, Schema
from sidelight.data.sources import open_table
from sidelight.errors import DataError, complain, did_you_mean


def read_items(path: str | Path, columns: tuple[Column, ...]) -> pl.DataFrame:
    """Read item rows from a file, parsed like the item table that a model was trained on.

    Args:
        path: Any format that `read` takes.
        columns: Columns of the trained item table; a model has them in `catalogue.columns`.

    Returns:
        `item_id` and those of the columns that the file has. Rows without a usable id are left out
        with a warning that counts them.

    Raises:
        DataError: Not a table, or no usable row.
    """
    frame, found, dropped = _read(open_table(path, "items"), columns, str(path))
    if not len(frame):
        raise DataError(complain("items with an id", "none", str(path)))
    if found:
        defects = ", ".join(sorted({f.defect for f in found}))
        warnings.warn(f"{path}: {dropped} rows were left out ({defects})", SidelightWarning, stacklevel=2)
    return frame


def item_rows(given: Any, columns: tuple[Column, ...], what: str) -> pl.DataFrame:
    """Read item rows from a frame or a dict of columns as `read_items` reads a file; all or none.

    Args:
        given: A polars or pandas frame, or a dict of columns.
        columns: Columns of the trained item table.
        what: Name of the rows in messages, e.g. "new items".

    Raises:
        DataError: No table, an unknown column, or a row without a usable id or with a value that
            its column cannot hold.
    """
    source = frame_table(given, "items")
    # Rows taken from a data set have their times in microseconds already, whatever the file had.
    whole = {n for n, kind in source.frame.schema.items() if kind.is_integer()}
    columns = tuple(replace(c, unit="") if c.name in whole else c for c in columns)
    frame, found, _ = _read(source, columns, what)
    for each in found:
        if each.quarantined or DEFECTS[each.defect].severity == "error":
            where = f"{what}, column {each.column!r}, row {each.row}"
            raise DataError(f"{each.message}; in {where}; {each.fix}")
        if each.severity == "warning":
            warnings.warn(f"{what}: {each.message}", SidelightWarning, stacklevel=3)
    return frame


def _read(
    source: SourceTable, columns: tuple[Column, ...], where: str
) -> tuple[pl.DataFrame, list[Finding], int]:
    """Return usable rows in the types of the trained table, findings, and the number of rows left out."""
    schema, names = Schema(items=columns), [c.name for c in columns]
    sources = {c.source: c.name for c in columns if c.source}
    unknown = [n for n in source.frame.columns if sources.get(n, n) not in (*names, ROW)]
    if unknown:
        hint = did_you_mean(unknown[0], names)
        raise DataError(complain("item columns of the catalogue", repr(unknown[0]), where, hint))
    parts = [clean(source, schema, partial=True)]
    frame, lost = joined_files(parts, "items")
    frame, known, found = typed_columns(frame, parts, "items", schema)
    frame = frame.drop(FILE, ROW).select(c.name for c in known if c.name in frame.columns)
    return frame, [*parts[0].findings, *found], len(parts[0].quarantine) + len(lost)
