"""One hash for the content of a data set, whatever files and row order it came from."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.interactions import Interactions


def fingerprint(
    interactions: Interactions,
    item_ids: NDArray[Any],
    user_ids: NDArray[Any],
    items: pl.DataFrame,
    users: pl.DataFrame,
) -> str:
    """sha256 over ids, events and tables; the order of columns does not matter.

    Every array enters with its name, type and length, so that no two contents run together.
    """
    digest = hashlib.sha256(b"sidelight data 1")
    for name, ids in (("item_ids", item_ids), ("user_ids", user_ids)):
        _series(digest, name, pl.Series(name, ids))
    for name in ("user", "item", "weight", "timestamp", "position"):
        values = getattr(interactions, name)
        if values is not None:
            _array(digest, name, values)
    # Only where there is any: data without context has the fingerprint that it always had.
    if interactions.context is not None:
        for name in sorted(interactions.context.columns):
            _series(digest, f"interactions.{name}", interactions.context[name])
    for table, frame in (("items", items), ("users", users)):
        for name in sorted(frame.columns):
            _series(digest, f"{table}.{name}", frame[name])
    return digest.hexdigest()


def _array(digest: Any, name: str, values: NDArray[Any]) -> None:
    flat = np.ascontiguousarray(values)
    little = flat.astype(flat.dtype.newbyteorder("<"), copy=False)
    digest.update(f"\n{name} {little.dtype.str} {len(little)}\n".encode())
    digest.update(little.data)


def _series(digest: Any, name: str, values: pl.Series) -> None:
    """A column of any type: what is missing, then the values; lists by their lengths and members."""
    known = values.drop_nulls()
    _array(digest, f"{name}?", values.is_null().to_numpy().astype(np.uint8))
    kind = values.dtype
    if isinstance(kind, pl.List):
        _array(digest, f"{name}#", known.list.len().to_numpy().astype(np.int64))
        _series(digest, f"{name}[]", known.explode(empty_as_null=False))
    elif kind in (pl.String, pl.Binary):
        size = known.str.len_bytes() if kind == pl.String else known.bin.size()
        _array(digest, f"{name}#", size.to_numpy().astype(np.int64))
        digest.update("".join(known.to_list()).encode() if kind == pl.String else b"".join(known.to_list()))
    elif kind == pl.Boolean:
        _array(digest, name, known.to_numpy().astype(np.uint8))
    else:
        _array(digest, name, known.to_physical().to_numpy() + 0)  # + 0 makes -0.0 and 0.0 one
