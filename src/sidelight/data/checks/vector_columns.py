"""Stored vectors: one length, finite, not all zero."""

from __future__ import annotations

import polars as pl

from sidelight.data.checks.checked_tables import Check, CheckedTables
from sidelight.data.findings import Finding


def vectors(t: CheckedTables) -> list[Finding]:
    """Rows whose vector is of another length than most, not finite, or all zeros."""
    found = []
    for column in t.columns("items", "vector"):
        name = column.name
        if not isinstance(t.items[name].dtype, (pl.List, pl.Array)):
            continue
        cell = (
            pl.col(name).list if isinstance(t.items[name].dtype, pl.List) else pl.col(name).arr.to_list().list
        )
        one = pl.element().cast(pl.Float64)
        seen = t.items.select(
            length=cell.len(),
            sound=cell.eval(one.is_finite().fill_null(False)).list.all(),
            zero=cell.eval(one == 0).list.all(),
        )  # fmt: skip
        usual = seen["length"].drop_nulls().mode()
        if not len(usual):
            continue
        dim = int(usual.sort()[-1])
        cases = (
            (
                "vector-length",
                seen["length"] != dim,
                f"expected {dim} numbers as in most rows; found {{value}}",
            ),
            ("vector-nonfinite", ~seen["sound"], "holds NaN, infinity or null; e.g. {value}"),
            ("vector-zero", seen["zero"] & (seen["length"] > 0), "all zeros; e.g. {value}"),
        )
        for defect, mask, message in cases:
            found += t.found(defect, "items", mask.fill_null(False), message, name)
    return found


CHECKS: tuple[Check, ...] = (vectors,)
