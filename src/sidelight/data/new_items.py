"""Reading a table of items alone: what joins a catalogue after training."""

from __future__ import annotations

import warnings
from pathlib import Path

import polars as pl

from sidelight.data.assemble import joined_sheets, typed_columns
from sidelight.data.clean import clean
from sidelight.data.raw import FILE, ROW
from sidelight.data.read import SidelightWarning
from sidelight.data.schema import Column, Schema
from sidelight.data.sources import open_table
from sidelight.errors import DataError, complain, did_you_mean


def read_items(path: str | Path, columns: tuple[Column, ...]) -> pl.DataFrame:
    """Item rows from a file, parsed like the item table that a model was trained on.

    Args:
        path: Any format that `read` takes.
        columns: Of the trained item table; a model carries them in `catalogue.columns`.

    Returns:
        `item_id` and those of the columns that the file has. Rows without a usable id are left out
        with a warning that counts them.

    Raises:
        DataError: Not a table, or no usable row.
    """
    schema = Schema(items=columns)
    sheet = open_table(path, "items")
    parts = [clean(sheet, schema, partial=True)]
    frame, lost = joined_sheets(parts, "items")
    frame, known, found = typed_columns(frame, parts, "items", schema)
    names = [c.name for c in columns]
    given = [parts[0].renames.get(n, n) for n in sheet.frame.columns]
    unknown = [n for n in given if n not in (*names, ROW)]
    if unknown:
        hint = did_you_mean(unknown[0], names)
        raise DataError(complain("columns of the trained item table", repr(unknown[0]), str(path), hint))
    dropped = len(parts[0].quarantine) + len(lost)
    if not len(frame):
        raise DataError(complain("items with an id", "none", str(path)))
    if dropped or found:
        defects = ", ".join(sorted({f.defect for f in (*parts[0].findings, *found)}))
        warnings.warn(f"{path}: {dropped} rows were left out ({defects})", SidelightWarning, stacklevel=2)
    return frame.drop(FILE, ROW).select(c.name for c in known if c.name in frame.columns)
