"""Sampling of items for the auxiliary tasks, uniformly or by richness of content."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.coerce_types import filled
from sidelight.data.schema import CONTENT_ROLES, LIST_ROLES, Schema
from sidelight.errors import SpecError, complain


def item_probabilities(
    items: pl.DataFrame, schema: Schema, by: str = "uniform", smoothing: float = 0.5
) -> NDArray[np.float64]:
    """Return the sampling probability of each item, float64 (n_items,). Clicks never enter.

    By "richness" an item is drawn in proportion to

        smoothing + mean over content columns c of r_ic,

    with r_ic = sqrt(sum of idf(w)^2) over the distinct words or tags w of item i in c, idf(w) =
    log((1 + n) / (1 + items with w)), and r_ic = 1 for any value of another kind. Each column is
    scaled so that the mean over the items which have it is 1, and is 0 where it is empty.

    Args:
        items: Item rows.
        schema: Says which columns are content.
        by: "uniform" or "richness".
        smoothing: Richness of an item without content.
    """
    if by not in ("uniform", "richness"):
        raise SpecError(complain("draws by 'uniform' or 'richness'", repr(by), "item_probabilities"))
    n = items.height
    richness = np.ones(n)
    columns = [c for c in schema.items if c.role in CONTENT_ROLES and c.name in items.columns]
    if by == "richness" and columns:
        richness = smoothing + np.mean([_richness(items[c.name], c.role) for c in columns], axis=0)
    return np.asarray(richness / richness.sum(), dtype=np.float64)


def _richness(column: pl.Series, role: str) -> NDArray[np.float64]:
    """Return r of each row, scaled."""
    found = filled(column).to_numpy().astype(np.float64)
    parts = _parts(column, role)
    if parts is not None:
        known = pl.DataFrame({"row": np.arange(len(column)), "part": parts}).explode("part").drop_nulls()
        known = known.unique(maintain_order=True)
        count = known.group_by("part").len("count")
        known = known.join(count, on="part", how="left", maintain_order="left")
        idf = np.log((1 + len(column)) / (1 + known["count"].to_numpy()))
        found *= np.sqrt(np.bincount(known["row"].to_numpy(), idf**2, minlength=len(column)))
    mean = found[found > 0].mean() if (found > 0).any() else 1.0
    return found / mean


def _parts(column: pl.Series, role: str) -> pl.Series | None:
    """Return words of a text, or entries of a list, for each row; None where the column has no parts."""
    if role == "text" and column.dtype == pl.String:
        return column.str.to_lowercase().str.extract_all(r"\w+")
    if role in LIST_ROLES and isinstance(column.dtype, pl.List):
        return column
    return None


def draw_items(rng: np.random.Generator, chance: NDArray[np.float64], m: int) -> NDArray[np.int64]:
    """Draw distinct item indices, int64 (min(m, n_items),), ascending.

    Drawn without replacement in proportion to `chance` by the keys u^(1/p) of Efraimidis and
    Spirakis (2006): one pass, exact.
    """
    n = len(chance)
    if m >= n:
        return np.arange(n)
    keys = rng.exponential(size=n) / np.maximum(chance, 1e-300)
    return np.sort(np.argpartition(keys, m)[:m]).astype(np.int64)
