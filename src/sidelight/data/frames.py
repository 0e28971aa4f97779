"""Frames that are already in memory: polars, pandas, a dict of columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from sidelight.data.jsonlines import from_python
from sidelight.data.source_table import SourceTable, with_rows
from sidelight.errors import DataError, complain


def frame_table(frame: Any, table: str) -> SourceTable:
    """A sheet from a frame; pandas is recognised by its shape, so it is never imported here.

    Raises:
        DataError: The object is no table, or has no rows.
    """
    try:
        found = _to_polars(frame, table)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            complain("columns of equal length and of one type each", line, f"the {table} frame")
        ) from None
    if found.is_empty():
        raise DataError(complain("rows", "none", f"the {table} frame", "leave it out or fill it"))
    return SourceTable(table, "", with_rows(found))


def _to_polars(frame: Any, table: str) -> pl.DataFrame:
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, dict):
        columns = [_column(str(name), values, table) for name, values in frame.items()]
        lengths = {c.name: len(c) for c in columns}
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name!r} {n:,}" for name, n in lengths.items())
            raise DataError(complain("columns of equal length", shown, f"the {table} frame", "fill the gaps"))
        return pl.DataFrame(columns)
    if hasattr(frame, "iloc") and hasattr(frame, "columns"):
        series = [_series(str(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
        names = [s.name for s in series]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise DataError(
                complain("each column once", f"{twice!r} twice", f"the {table} frame", "rename one")
            )
        return pl.DataFrame(series)
    raise DataError(
        complain("a polars or pandas frame, or a dict of columns", type(frame).__name__, f"the {table} frame")
    )


def _column(name: str, values: Any, table: str) -> pl.Series:
    """A column of a dict: a list, an array, or a series of polars or pandas."""
    if isinstance(values, pl.Series):
        return values.alias(name)
    if hasattr(values, "iloc"):
        return _series(name, values)
    if isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        found = f"{values!r:.60} for {name!r}"
        fix = f"write {name!r}: [...] with one value a row"
        raise DataError(complain("a list of values", found, f"the {table} frame", fix))
    return from_python(name, list(values))


def _series(name: str, column: Any) -> pl.Series:
    """A pandas column; its missing values (NaN, None, NaT, NA) become null."""
    kind = getattr(column.dtype, "kind", "O")
    if kind == "M" and getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if kind in "iufbM" and not column.isna().any():
        return pl.Series(name, column.to_numpy())
    if kind in "fM":
        return pl.Series(name, column.to_numpy(), nan_to_null=True)
    missing = column.isna().tolist()
    return from_python(name, [None if gone else v for v, gone in zip(column.tolist(), missing, strict=True)])
