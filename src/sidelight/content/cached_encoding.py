"""Encoding in batches through the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import DataError, complain
from sidelight.progress import Progress

if TYPE_CHECKING:
    from sidelight.content.cache import Cache

Vectors = Sequence[NDArray[np.float32] | None] | NDArray[np.float32]


def key_of(identity: str, content: bytes) -> bytes:
    """Return the cache key of one item's content under one encoder: 32 bytes."""
    head = identity.encode()
    return hashlib.sha256(len(head).to_bytes(8, "little") + head + content).digest()


def encode_rows(
    keys: Sequence[bytes | None],
    encode: Callable[[list[int]], Vectors],
    *,
    sizes: Sequence[int],
    batch_size: int,
    cache: Cache | None = None,
    progress: Progress | None = None,
    label: str = "encoding",
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Encode rows in their order; equal content is encoded once.

    Rows go longest first, so that batches hold rows of like length (less padding) and a batch too
    big for memory fails at once. Each batch is cached before the next begins: an interruption
    loses one batch.

    Args:
        keys: `key_of` of each row, None where there is nothing to encode.
        encode: From row numbers to one float32 (dim,) vector each, None for a row that failed.
        sizes: Length of each row's content.
        batch_size: Rows a call.
        cache: Read first, written after every batch; None keeps nothing.
        progress: Called as (done, total, label).
        label: Label of the progress reports.

    Returns:
        float32 (n_rows, dim) and present (n_rows,); dim is 0 when no row could be encoded.
    """
    first: dict[bytes, int] = {}
    for row, key in enumerate(keys):
        if key is not None:
            first.setdefault(key, row)
    vectors = cache.get(list(first)) if cache is not None else {}
    missing = [row for key, row in first.items() if key not in vectors]
    todo = sorted(missing, key=lambda row: -sizes[row])
    before = len(first) - len(todo)
    if progress is not None:
        progress(before, len(first), label)
    for start in range(0, len(todo), batch_size):
        rows = todo[start : start + batch_size]
        fresh = {_key(keys, row): v for row, v in zip(rows, encode(rows), strict=True) if v is not None}
        _check(fresh, label)
        if cache is not None:
            cache.put(fresh)
        vectors.update(fresh)
        if progress is not None:
            progress(before + start + len(rows), len(first), label)
    return _stack(keys, vectors, label)


def _key(keys: Sequence[bytes | None], row: int) -> bytes:
    key = keys[row]
    assert key is not None  # only rows with a key are encoded
    return key


def _check(fresh: dict[bytes, NDArray[np.float32]], label: str) -> None:
    """Refuse vectors with NaN or infinity before they reach the cache."""
    for vector in fresh.values():
        if vector.ndim != 1 or not np.isfinite(vector).all():
            found = "NaN or infinity" if vector.ndim == 1 else f"an array of shape {vector.shape}"
            raise DataError(complain("finite vectors from the encoder", found, label, "look at the model"))


def _stack(
    keys: Sequence[bytes | None], vectors: dict[bytes, NDArray[np.float32]], label: str
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    dims = {len(v) for v in vectors.values()}
    if len(dims) > 1:
        raise DataError(complain("vectors of one length from the encoder", f"lengths {sorted(dims)}", label))
    out = np.zeros((len(keys), dims.pop() if dims else 0), dtype=np.float32)
    present = np.zeros(len(keys), dtype=bool)
    for row, key in enumerate(keys):
        if key is not None and key in vectors:
            out[row] = vectors[key]
            present[row] = True
    return out, present
