"""Small data sets for split tests, built straight from rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st

from sidelight.data.dataset import Dataset
from sidelight.data.interactions import Interactions
from sidelight.data.schema import Column, Schema

Row = tuple[int, int, int]  # user, item, time or position


def dataset(rows: list[Row], order: str = "timestamp", spare_items: int = 1) -> Dataset:
    """A data set of (user, item, order) rows; items 1 to 9 + `spare_items` are in the catalogue."""
    user_ids = np.unique([r[0] for r in rows])
    item_ids = np.arange(1, 10 + spare_items, dtype=np.int64)
    rows = sorted(rows, key=lambda r: (r[0], r[2] if order else 0, r[1]))
    when = np.array([r[2] for r in rows], dtype=np.int64)
    log = Interactions(
        np.searchsorted(user_ids, [r[0] for r in rows]).astype(np.int32),
        np.searchsorted(item_ids, [r[1] for r in rows]).astype(np.int32),
        np.ones(len(rows), dtype=np.float32),
        timestamp=when if order == "timestamp" else None,
        position=when if order == "position" else None,
    )
    items = pl.DataFrame({"item_id": item_ids, "launch": item_ids * 10})
    schema = Schema(items=(Column("item_id", "item_id"), Column("launch", "number")))
    return Dataset(log, item_ids, user_ids, items, pl.DataFrame({"user_id": user_ids}), schema)


def rows(minimum: int = 12) -> st.SearchStrategy[list[Row]]:
    """Events of up to 6 users on items 1 to 9 at whole times 0 to 20: repeats and ties included."""
    event = st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(0, 20))
    return st.lists(event, min_size=minimum, max_size=60, unique=True)


def keys(data: Dataset, part: Any) -> list[Row]:
    """Outside (user, item, order) of events, sorted: comparable between row orders."""
    log = data.interactions
    order = log.order if log.order is not None else np.zeros(len(log), dtype=np.int64)
    return sorted(
        (int(data.user_ids[log.user[i]]), int(data.item_ids[log.item[i]]), int(order[i])) for i in part
    )
