"""Tables under check: ids of different types, tables of one row."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
from plain_tables import EVENTS, NOW, USERS, plain

from sidelight.data.checks import check
from sidelight.data.raw_tables import FILE, ROW, RawTables
from sidelight.data.schema import Column, Schema


def test_ids_of_another_type_in_another_table_still_meet() -> None:
    shop = plain()
    for table in (EVENTS, USERS):
        for row in shop.rows[table]:
            row["user_id"] = row["user_id"][1:]
    raw = shop.raw()
    numbers = raw.frames[USERS].with_columns(pl.col("user_id").cast(pl.Int64))
    found = check(replace(raw, frames={**raw.frames, USERS: numbers}), now=NOW)
    assert "orphan-user" not in {f.defect for f in found}


def test_smallest_tables_pass_through_every_check() -> None:
    """One event and nothing else, and no event at all: findings, no exception."""
    columns = tuple(Column(n, n) for n in ("user_id", "item_id", "timestamp", "weight"))  # type: ignore[arg-type]
    one = pl.DataFrame({"user_id": [1], "item_id": [2], "timestamp": [NOW - 5], "weight": [1.0]})
    one = one.with_columns(pl.lit("a.csv").cast(pl.Categorical).alias(FILE), pl.lit(1, pl.Int64).alias(ROW))
    for frame in (one, one.clear()):
        found = check(RawTables({EVENTS: frame}, Schema(interactions=columns)), now=NOW)
        assert {"too-few-events", "no-content"} <= {f.defect for f in found}
        assert all(f.severity != "error" for f in found)
