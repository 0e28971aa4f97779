"""Context of events: the context columns of the interactions, and values read off the timestamp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.interactions import Interactions
from sidelight.data.parse_values import numbers_in, parse
from sidelight.data.schema import Column, Schema
from sidelight.errors import SpecError, complain, did_you_mean

CLOCK = {"hour": (0, 23), "weekday": (1, 7), "month": (1, 12)}
"""Context read off the timestamp of an event, in UTC: name, smallest and largest value."""
_USER = "\0user"  # a name that no column has


def context_values(values: pl.Series, consent: bool = False) -> pl.Series:
    """Return a context column as it is kept: Float64 where every value is a number, else text.

    So a CSV file and a frame give the same. Text with a leading zero ("007") is a code and stays
    text; lists of fractions stay vectors (List(Float32)), other lists become labels (List(String)).

    Args:
        values: Column of a type that `plain` gives.
        consent: The column allows the use of others: Boolean stays Boolean.
    """
    kind: Any = values.dtype
    if consent and kind == pl.Boolean:
        return values
    if isinstance(kind, pl.List):
        return parse(values, "vector" if kind.inner.is_float() else "context").values
    numeric = kind.is_numeric()
    if kind == pl.String:
        text = values.drop_nulls().str.strip_chars()
        text = text.filter(text != "")
        coded = text.str.contains(r"^-?0\d").any()
        numeric = len(text) > 0 and not coded and not numbers_in(text).null_count()
    return parse(values, "number" if numeric else "context").values


def consented(table: pl.DataFrame, column: Column, where: str) -> pl.Series:
    """Mark rows whose value of a column may be used, bool (n_rows,); all where no consent is needed.

    Args:
        table: Table with the column of consent.
        column: Column to be used.
        where: Name of the table, for messages.
    """
    if column.consent is None:
        return pl.repeat(True, len(table), dtype=pl.Boolean, eager=True)
    if column.consent not in table.columns:
        where = f"{where}, as consent to {column.name!r}"
        raise SpecError(complain(f"a column {column.consent!r}", "none", where))
    return table[column.consent].cast(pl.Boolean, strict=False).fill_null(False)


def context_rows(log: Interactions, schema: Schema, names: Sequence[str]) -> pl.DataFrame:
    """Return columns of context, one row per event; null where a value is missing or not consented to.

    A column of the interactions comes before one of the clock that has its name.

    Args:
        log: Events.
        schema: Roles and consent of its columns.
        names: Columns of `log.context` or of `CLOCK`.

    Raises:
        SpecError: A column is neither, or there are no timestamps to read it off.
    """
    own = pl.DataFrame() if log.context is None else log.context
    declared = {column.name: column for column in schema.interactions}
    out = []
    for name in names:
        if name in own.columns:
            may = consented(own, declared.get(name, Column(name, "context")), "the interactions")
            values = own.select(pl.when(pl.lit(may)).then(pl.col(name)).alias(name))[name]
            out.append(values.cast(pl.Float64) if values.dtype.is_numeric() else values)
        else:
            _check_clock(name, declared, own.columns)
            if log.timestamp is None:
                fix = "leave it out of 'context'"
                raise SpecError(complain(f"timestamps for {name!r}", "none", "the interactions", fix))
            time = pl.from_epoch(pl.Series(name, log.timestamp), time_unit="us").dt
            out.append(getattr(time, name)().cast(pl.Int64))
    return pl.DataFrame(out)


def common_context(
    table: pl.DataFrame, user: NDArray[np.int32], rows: NDArray[np.int64], n_users: int
) -> pl.DataFrame:
    """Return one row per user: the context that all given events of the user have, else nulls.

    Args:
        table: Context of the events, from `context_rows`.
        user: int32 (n_events,), user of each event.
        rows: int64, the events to use.
        n_users: Number of users.
    """
    mine = pl.Series(_USER, user[rows].astype(np.int64))
    distinct = table[rows].with_columns(mine).unique()
    one = distinct.filter(pl.len().over(_USER) == 1)
    users = pl.DataFrame({_USER: np.arange(n_users, dtype=np.int64)})
    return users.join(one, on=_USER, how="left", maintain_order="left").select(table.columns)


def _check_clock(name: str, declared: dict[str, Column], kept: Sequence[str]) -> None:
    """Refuse a name that is neither in the interactions nor in `CLOCK`."""
    if name in CLOCK:
        return
    where, fix = "option 'context'", did_you_mean(name, [*kept, *CLOCK])
    found = repr(name)
    if name in declared:
        role = declared[name].role
        found, fix = f"{name!r} with the role {role!r}", 'give it the role "context" in the schema'
        if role == "context":
            found, fix = f"{name!r}, which these interactions do not hold", "read the data again"
    raise SpecError(complain("a column of context, or one of the clock", found, where, fix))
