"""Checks of a loaded model: arrays that are finite, of matching sizes, with indices that exist."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.errors import BundleError, complain
from sidelight.models.recommender import Recommender

AGAIN: Final = "train and publish it again"
BLOCK: Final = 1 << 22  # numbers checked at a time
INDICES: Final = ("known", "sources")  # arrays of a scorer that refer to items by their index


@contextmanager
def bundle_errors(expected: str, where: str) -> Iterator[None]:
    """Convert any exception of a broken model to a BundleError; a full disk or memory stays as it is."""
    try:
        yield
    except (BundleError, OSError, MemoryError):
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise BundleError(complain(expected, found, where, AGAIN)) from error


def check_arrays(model: Recommender, where: str) -> None:
    """Refuse arrays that are not finite, do not fit each other, or refer to items that do not exist.

    Args:
        model: The model as it was loaded.
        where: Place that the error names.

    Raises:
        BundleError: Names the array and its defect.
    """
    own, people, items = model.items, model.people, len(model.items)
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
        "item ids": (own.ids.shape, (items,)),
        "popularity": (own.popular.shape, (items,)),
        "item rows": ((len(own.rows),), (items,)),
    }
    if people is not None:
        shapes["user ids"] = (people.ids.shape, (len(people),))
        shapes["histories"] = (people.histories.shape, (len(people), items))
    for name, (found, expected) in shapes.items():
        _require(found == expected, f"{name} of shape {expected}", f"{found}", where)
    in_order = people is None or bool((people.ids[1:] > people.ids[:-1]).all())
    unique = len(np.unique(own.ids)) == items
    other = "repeated ids, or users in another order"
    _require(unique and in_order, "each id once, users sorted", other, where)
    if people is not None:
        _check_histories(people.histories, where)
    for name, value in {"popularity": own.popular, **model.scorer.state()[0]}.items():
        finite = all(np.isfinite(block).all() for block in _blocks(value))
        _require(finite, "finite weights", f"NaN or infinity in {name!r}", where)
        if name.rpartition("/")[2] in INDICES:
            wanted = f"ascending item indices from 0 to {items - 1} in {name!r}"
            _require(_ascending(value, items), wanted, "others", where)


def check_loaded(model: Recommender, where: str) -> None:
    """Run `check_arrays` for a model from a folder, whose files may have been exchanged one by one.

    Raises:
        BundleError: As there; or ids are in another order than their rows, or the scorer has other items.
    """
    check_arrays(model, where)
    own = model.items
    width = _width(model.scorer, len(own))
    _require(width == len(own), f"scores of {len(own)} items", f"{width}", where)
    if "item_id" in own.rows.columns:
        rows = own.rows["item_id"].cast(pl.String).to_numpy()
        same = np.array_equal(rows, own.ids.astype(np.str_))
        _require(same, "item ids in the order of their rows", "another order", where)


def _require(holds: bool, expected: str, found: str, where: str) -> None:
    if not holds:
        raise BundleError(complain(expected, found, where, AGAIN))


def _check_histories(histories: Histories, where: str) -> None:
    start, item = histories.start, histories.item
    whole = all(each.ndim == 1 and each.dtype.kind in "iu" for each in (start, item))
    ascending = whole and start[0] == 0 and start[-1] == len(item) and not (np.diff(start) < 0).any()
    wanted = "starts of histories that ascend from 0 to their number of events"
    _require(bool(ascending), wanted, "others", where)
    if len(item):
        low, high = int(item.min()), int(item.max())
        wanted = f"items of histories from 0 to {histories.n_items - 1}"
        _require(low >= 0 and high < histories.n_items, wanted, f"{low} to {high}", where)
    row = np.repeat(np.arange(len(histories)), histories.lengths)
    unique = len(np.unique(row * histories.n_items + item)) == len(item)
    _require(unique, "each item once in a history", "an item twice", where)


def _width(scorer: Any, items: int) -> int:
    """Number of items of a scorer; that of the first part that differs."""
    wide = (_width(part, items) for part in getattr(scorer, "parts", ()))
    return next((n for n in wide if n != items), int(getattr(scorer, "n_items", items)))


def _ascending(value: NDArray[Any], items: int) -> bool:
    whole = value.ndim == 1 and value.dtype.kind in "iu"
    inside = whole and (not len(value) or bool(value[0] >= 0 and value[-1] < items))
    return inside and bool((value[1:] > value[:-1]).all())


def _blocks(value: Any) -> Iterator[NDArray[Any]]:
    """Yield the numbers of an array in blocks: temporary arrays stay small."""
    flat = np.ravel(value.data if sp.issparse(value) else value, order="K")
    if flat.dtype.kind in "fc":
        for start in range(0, len(flat), BLOCK):
            yield flat[start : start + BLOCK]
