"""What the arrays of a model must be before it answers: finite, of one size, with indices that exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.errors import BundleError, complain

if TYPE_CHECKING:
    from sidelight.models.recommender import Recommender

AGAIN: Final = "train and publish it again"
BLOCK: Final = 1 << 22  # numbers looked at in one go
INDICES: Final = ("known", "sources")  # arrays of a scorer that name items by their index


def check_arrays(model: Recommender, where: str) -> None:
    """Refuse arrays that are not finite, do not fit each other, or name items that are not there.

    Args:
        model: As it was loaded.
        where: What the error names.

    Raises:
        BundleError: Says which array, and what is wrong with it.
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
        if found != expected:
            raise BundleError(complain(f"{name} of shape {expected}", f"{found}", where, AGAIN))
    unsorted = people is not None and (people.ids[1:] <= people.ids[:-1]).any()
    if len(np.unique(own.ids)) < items or unsorted:
        other = "repeated ids, or users in another order"
        raise BundleError(complain("each id once, users sorted", other, where, AGAIN))
    if people is not None:
        _check_histories(people.histories, where)
    state = model.scorer.state()[0]
    for name, value in {"popularity": own.popular, **state}.items():
        if not all(np.isfinite(block).all() for block in _blocks(value)):
            raise BundleError(complain("finite weights", f"NaN or infinity in {name!r}", where, AGAIN))
        if name.rpartition("/")[2] in INDICES and not _ascending(value, items):
            said = f"ascending item indices from 0 to {items - 1} in {name!r}", "others"
            raise BundleError(complain(*said, where, AGAIN))


def _check_histories(histories: Histories, where: str) -> None:
    start, item = histories.start, histories.item
    whole = all(each.ndim == 1 and each.dtype.kind in "iu" for each in (start, item))
    if not whole or start[0] != 0 or start[-1] != len(item) or (np.diff(start) < 0).any():
        said = "starts of histories that ascend from 0 to their number of events", "others"
        raise BundleError(complain(*said, where, AGAIN))
    if len(item) and not 0 <= item.min() <= item.max() < histories.n_items:
        said = f"items of histories from 0 to {histories.n_items - 1}", f"{item.min()} to {item.max()}"
        raise BundleError(complain(*said, where, AGAIN))
    if len(np.unique(_pairs(histories))) < len(item):
        raise BundleError(complain("each item once in a history", "an item twice", where, AGAIN))


def _pairs(histories: Histories) -> NDArray[np.int64]:
    row = np.repeat(np.arange(len(histories)), histories.lengths)
    return row * histories.n_items + histories.item


def check_loaded(model: Recommender, where: str) -> None:
    """`check_arrays` for a model from a folder, whose files may have been exchanged one by one.

    Raises:
        BundleError: As there; or ids stand in another order than their rows, or the scorer knows other items.
    """
    check_arrays(model, where)
    own = model.items
    if (found := _width(model.scorer, len(own))) != len(own):
        raise BundleError(complain(f"scores of {len(own)} items", f"{found}", where, AGAIN))
    if "item_id" in own.rows.columns:
        rows = own.rows["item_id"].cast(pl.String).to_numpy()
        if not np.array_equal(rows, own.ids.astype(np.str_)):
            said = "item ids in the order of their rows", "another order"
            raise BundleError(complain(*said, where, AGAIN))


def _width(scorer: Any, items: int) -> int:
    """Items that a scorer says it knows; the first of its parts that differs."""
    wide = (_width(part, items) for part in getattr(scorer, "parts", ()))
    return next((n for n in wide if n != items), int(getattr(scorer, "n_items", items)))


def _ascending(value: NDArray[Any], items: int) -> bool:
    whole = value.ndim == 1 and value.dtype.kind in "iu"
    inside = whole and (not len(value) or bool(value[0] >= 0 and value[-1] < items))
    return inside and bool((value[1:] > value[:-1]).all())


def _blocks(value: Any) -> Iterator[NDArray[Any]]:
    """The numbers of an array, piece by piece: a large one is not held twice."""
    flat = np.ravel(value.data if sp.issparse(value) else value, order="K")
    if flat.dtype.kind in "fc":
        for start in range(0, len(flat), BLOCK):
            yield flat[start : start + BLOCK]
