"""Overlap of two rankings for the same users: after a retrain, with another seed, of another model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import DataError, SpecError, complain
from sidelight.evaluation.metrics import Lists, PerUser, ratios


def overlap(a: Lists, b: Lists) -> PerUser:
    """Compute items in both lists over items in either (Jaccard), float64 (n_users,); NaN if both are empty.

    Args:
        a: int32, shape (n_users, length), -1 where a list is short; no item twice in a row.
        b: The same for the other ranking; its length may differ.
    """
    _same_users(a, b)
    common = np.zeros(len(a), dtype=np.int64)
    for rows in _blocks(len(a), a.shape[1] * b.shape[1]):
        common[rows] = _common(a[rows], b[rows]).sum(axis=(1, 2))
    either = (a >= 0).sum(axis=1) + (b >= 0).sum(axis=1) - common
    return ratios(common, either)


def rank_biased_overlap(a: Lists, b: Lists, p: float = 0.9) -> PerUser:
    """Extrapolated rank-biased overlap of each pair of lists, float64 (n_users,), 0 to 1.

    The agreement at every depth, weighted by p^depth, the last agreement continued beyond the
    lists. With p = 0.9 the first ten ranks carry 86 % of the weight. NaN where a list is empty.

    Args:
        a: int32, shape (n_users, length), -1 where a list is short; no item twice in a row.
        b: The same for the other ranking; its length may differ.
        p: Persistence, 0 < p < 1.

    Source: Webber, Moffat and Zobel (2010), equation 32 (RBO_EXT, lists of uneven length).
    """
    if not 0 < p < 1:
        raise SpecError(complain("0 < p < 1", str(p)))
    _same_users(a, b)
    width = max(a.shape[1], b.shape[1])
    a, b = (np.pad(x, ((0, 0), (0, width - x.shape[1])), constant_values=-1) for x in (a, b))
    sizes = np.sort(np.stack([(a >= 0).sum(axis=1), (b >= 0).sum(axis=1)]), axis=0)
    out = np.full(len(a), np.nan)
    for rows in _blocks(len(a), width * width):
        short, long = sizes[0, rows], sizes[1, rows]
        found = _extrapolated(_shared(a[rows], b[rows]), short, long, p)
        out[rows] = np.where(short > 0, found, np.nan)
    return out


def _extrapolated(
    shared: NDArray[np.float64], short: NDArray[np.int64], long: NDArray[np.int64], p: float
) -> PerUser:
    """Equation 32, from the overlap at every depth (n, width) and the two lengths (n,)."""
    depth = np.arange(1, shared.shape[1] + 1)
    row = np.arange(len(shared))
    at_short = shared[row, np.maximum(short, 1) - 1]
    at_long = shared[row, np.maximum(long, 1) - 1]
    length, least = np.maximum(long, 1), np.maximum(short, 1)
    weight = p**depth
    listed, past = depth <= long[:, None], depth - short[:, None]
    first = (shared / depth * weight * listed).sum(axis=1)
    assumed = at_short[:, None] * past / (least[:, None] * depth)
    second = (assumed * weight * (listed & (past > 0))).sum(axis=1)
    last = ((at_long - at_short) / length + at_short / least) * p**length
    return np.asarray((1 - p) / p * (first + second) + last)


def _shared(a: Lists, b: Lists) -> NDArray[np.float64]:
    """Items in both prefixes at every depth, float64 (n, width)."""
    both = _common(a, b)  # (n, width, width): rank in a, rank in b
    new = np.triu(both).sum(axis=1) + np.tril(both, -1).sum(axis=2)  # complete at the deeper rank
    return np.cumsum(new, axis=1).astype(np.float64)


def _common(a: Lists, b: Lists) -> NDArray[np.bool_]:
    return np.asarray((a[:, :, None] == b[:, None, :]) & (a >= 0)[:, :, None])


def _blocks(n_rows: int, cells: int) -> Iterator[slice]:
    """Row slices that keep a comparison of all rank pairs near 4 MB."""
    step = max(1, (1 << 22) // max(1, cells))
    for start in range(0, n_rows, step):
        yield slice(start, start + step)


def _same_users(a: Lists, b: Lists) -> None:
    if len(a) != len(b):
        raise DataError(complain("two rankings of the same users", f"{len(a)} and {len(b)} rows"))
