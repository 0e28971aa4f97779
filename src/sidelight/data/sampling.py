"""Which items a step draws for the auxiliary tasks: alike, or by how much is known of them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.schema import Schema
from sidelight.errors import SpecError, complain

CONTENT = ("text", "category", "tags", "number", "image_path", "image_bytes", "vector")


def item_probabilities(
    items: pl.DataFrame, schema: Schema, by: str = "uniform", smoothing: float = 0.5
) -> NDArray[np.float64]:
    """float64 (n_items,), summing to 1. Clicks never enter.

    Args:
        items: Item rows.
        schema: Says which columns are content.
        by: "uniform", or "richness": in proportion to smoothing + share of content columns filled.
        smoothing: What an item with nothing filled still counts.
    """
    if by not in ("uniform", "richness"):
        raise SpecError(complain("draws by 'uniform' or 'richness'", repr(by), "item_probabilities"))
    n = items.height
    worth = np.ones(n)
    names = [c.name for c in schema.items if c.role in CONTENT and c.name in items.columns]
    if by == "richness" and names:
        worth = smoothing + np.mean([_filled(items[name]) for name in names], axis=0)
    return np.asarray(worth / worth.sum(), dtype=np.float64)


def _filled(column: pl.Series) -> NDArray[np.bool_]:
    there = column.is_not_null()
    if isinstance(column.dtype, pl.List):
        there = there & (column.list.len() > 0).fill_null(False)
    elif column.dtype == pl.String:
        there = there & (column.str.strip_chars() != "").fill_null(False)
    return there.to_numpy()


def draw_items(rng: np.random.Generator, chance: NDArray[np.float64], m: int) -> NDArray[np.int64]:
    """Distinct item indices, int64 (min(m, n_items),), ascending.

    Drawn without replacement in proportion to `chance` by the keys u^(1/p) of Efraimidis and
    Spirakis (2006): one pass, exact.
    """
    n = len(chance)
    if m >= n:
        return np.arange(n)
    keys = rng.exponential(size=n) / np.maximum(chance, 1e-300)
    return np.sort(np.argpartition(keys, m)[:m]).astype(np.int64)
