"""Source tables from frames in memory: polars, pandas, a dict of columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from sidelight.data.jsonlines import from_python
from sidelight.data.raw_tables import SourceTable, with_row_numbers
from sidelight.errors import DataError, complain, first_line


def frame_table(frame: Any, table: str) -> SourceTable:
    """Return the source table of a frame; pandas is recognised by its attributes, never imported here.

    Raises:
        DataError: The object is no table, or has no rows.
    """
    where = f"the {table} frame"
    try:
        found = _to_polars(frame, where)
    except DataError:
        raise
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        expected = "columns of equal length and of one type each"
        raise DataError(complain(expected, first_line(error), where)) from None
    if found.is_empty():
        raise DataError(complain("rows", "none", where, "leave it out or fill it"))
    return SourceTable(table, "", with_row_numbers(found))


def _to_polars(frame: Any, where: str) -> pl.DataFrame:
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, dict):
        columns = [_column(str(name), values, where) for name, values in frame.items()]
        lengths = {c.name: len(c) for c in columns}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name!r} {n:,}" for name, n in lengths.items())
            raise DataError(complain("columns of equal length", found, where, "fill the gaps"))
        return pl.DataFrame(columns)
    if not hasattr(frame, "iloc") or not hasattr(frame, "columns"):
        expected = "a polars or pandas frame, or a dict of columns"
        raise DataError(complain(expected, type(frame).__name__, where))
    series = [_from_pandas(str(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
    names = [s.name for s in series]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise DataError(complain("each column once", f"{twice!r} twice", where, "rename one"))
    return pl.DataFrame(series)


def _column(name: str, values: Any, where: str) -> pl.Series:
    """Return a column of a dict: a list, an array, or a series of polars or pandas."""
    if isinstance(values, pl.Series):
        return values.alias(name)
    if hasattr(values, "iloc"):
        return _from_pandas(name, values)
    if isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        fix = f"write {name!r}: [...] with one value per row"
        raise DataError(complain("a list of values", f"{values!r:.60} for {name!r}", where, fix))
    return from_python(name, list(values))


def _from_pandas(name: str, column: Any) -> pl.Series:
    """Return a pandas column; its missing values (NaN, None, NaT, NA) become null."""
    kind = getattr(column.dtype, "kind", "O")
    if kind == "M" and getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if kind in "iufbM" and not column.isna().any():
        return pl.Series(name, column.to_numpy())
    if kind in "fM":
        return pl.Series(name, column.to_numpy(), nan_to_null=True)
    missing = column.isna().tolist()
    return from_python(name, [None if gone else v for v, gone in zip(column.tolist(), missing, strict=True)])
