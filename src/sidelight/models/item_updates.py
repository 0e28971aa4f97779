"""Replacement of the rows of items that a fitted model has already; nothing is retrained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from sidelight.data.read_items import item_rows
from sidelight.errors import DataError, complain
from sidelight.models.content_space import replaced_rows
from sidelight.models.items import without_images
from sidelight.models.recommender import Recommender


def with_revised_items(model: Recommender, rows: Any) -> Recommender:
    """Return a recommender with other content for some of its items.

    A row replaces the whole old row: a column that it lacks is missing from now on. Cold items are placed
    anew by their new content. Items with interactions keep their place, which those interactions
    determined too; their new content counts from the next training.

    Args:
        model: The model.
        rows: Column `item_id` of known items and any item columns; a polars or pandas frame, or a
            dict of columns.

    Raises:
        UnknownIdError: An item is not in the catalogue.
        DataError: An id is repeated, or a column is unknown or of another type.
    """
    own = model.items
    frame = item_rows(rows, own.table, "changed items")
    ids = frame["item_id"].to_list() if "item_id" in frame.columns else []
    if len(set(ids)) != len(ids) or None in ids:
        raise DataError(complain("one row per item", "null or repeated ids", "changed items"))
    at = own.need(ids, "changed items")
    full = own.typed(frame, "changed items")
    table = pl.concat([own.rows, without_images(full)])[replaced_rows(len(own), at)]
    cold = np.flatnonzero(own.popular[at] == 0)
    cold = cold[np.argsort(at[cold])]  # neighbour graphs want their targets in order
    scorer = model.scorer.revised(full[cold], at[cold]) if len(cold) else model.scorer
    return replace(model, scorer=scorer, items=replace(own, rows=table))
