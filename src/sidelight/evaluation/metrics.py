"""Accuracy of ranked lists: one value per user; each metric states its denominator.

Every metric is a plain function of `items` int32 (n_users, length), -1 where a list is short, and
`truth`, a CSR (n_users, n_items) whose stored entries are the relevant items. It gives float64
(n_users,), NaN for a user with nothing relevant: such a user has no accuracy, not an accuracy of 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.errors import DataError, SpecError, complain, did_you_mean

Lists = NDArray[np.int32]
PerUser = NDArray[np.float64]
Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]


def hits(items: Lists, truth: sp.csr_matrix) -> tuple[Hits, Counts]:
    """Find the relevant items of each list, and count the relevant items of each user.

    Args:
        items: int32, shape (n_users, length), -1 where a list is short.
        truth: CSR (n_users, n_items), stored entries are relevant.

    Returns:
        hit bool (n_users, length) and relevant int64 (n_users,).
    """
    if items.shape[0] != truth.shape[0]:
        raise DataError(complain(f"truth of {items.shape[0]} users", f"{truth.shape[0]}", "hits"))
    n_items = truth.shape[1]
    relevant = np.diff(truth.indptr).astype(np.int64)
    if truth.nnz == 0:
        return np.zeros(items.shape, dtype=bool), relevant
    wanted = np.repeat(np.arange(len(relevant)) * n_items, relevant) + truth.indices
    if not truth.has_sorted_indices:
        wanted = np.sort(wanted)
    asked = np.arange(len(items))[:, None] * n_items + items  # a pad, -1, is masked below
    at = np.minimum(np.searchsorted(wanted, asked), len(wanted) - 1)
    return (wanted[at] == asked) & (items >= 0), relevant


def recall(items: Lists, truth: sp.csr_matrix, k: int | None = None) -> PerUser:
    """Hits in the first k over the number of relevant items (not over min(k, relevant))."""
    return score("recall", *hits(items, truth), k)


def precision(items: Lists, truth: sp.csr_matrix, k: int | None = None) -> PerUser:
    """Hits in the first k over k, also where the list or the truth is shorter than k."""
    return score("precision", *hits(items, truth), k)


def hit_rate(items: Lists, truth: sp.csr_matrix, k: int | None = None) -> PerUser:
    """1 when any of the first k is relevant, else 0."""
    return score("hit_rate", *hits(items, truth), k)


def mrr(items: Lists, truth: sp.csr_matrix, k: int | None = None) -> PerUser:
    """1 over the rank (from 1) of the first relevant item among the first k; 0 when there is none."""
    return score("mrr", *hits(items, truth), k)


def average_precision(items: Lists, truth: sp.csr_matrix, k: int | None = None) -> PerUser:
    """Precision at each hit's rank, summed over the first k and divided by min(relevant, k).

    Its mean over users is "map". TREC's definition divides by all relevant items instead; the two
    agree where no user has more than k of them.
    """
    return score("map", *hits(items, truth), k)


def ndcg(items: Lists, truth: sp.csr_matrix, k: int | None = None) -> PerUser:
    """Sum of 1 / log2(1 + rank) over hits, over the same sum for min(relevant, k) hits on top.

    Source: Järvelin and Kekäläinen (2002), binary gains.
    """
    return score("ndcg", *hits(items, truth), k)


def score(name: str, hit: Hits, relevant: Counts, k: int | None = None) -> PerUser:
    """One metric by name from `hits`, computed once for many metrics and cut-offs.

    Args:
        name: One of `METRICS`.
        hit: bool, shape (n_users, length).
        relevant: int64, shape (n_users,).
        k: Cut-off, at least 1 and at most the length of the lists; None means that length.

    Raises:
        SpecError: An unknown name, or a k beyond the lists (they were not ranked that far).
    """
    if name not in METRICS:
        raise SpecError(f"unknown metric {name!r}; {did_you_mean(name, METRICS)}")
    k = hit.shape[1] if k is None else k
    if not 1 <= k <= hit.shape[1]:
        raise SpecError(complain(f"1 <= k <= {hit.shape[1]}, the length of the lists", f"k = {k}"))
    out = np.full(len(hit), np.nan)
    users = relevant > 0
    out[users] = METRICS[name](hit[users, :k], relevant[users], k)
    return out


def discounts(k: int) -> NDArray[np.float64]:
    """Return the discount of each rank, 1 / log2(1 + rank) for ranks 1..k, float64 (k,)."""
    return np.asarray(1.0 / np.log2(np.arange(2, k + 2)))


def ratios(part: NDArray[np.number], whole: NDArray[np.number]) -> PerUser:
    """Divide one number of each user by another, float64 (n_users,); NaN where the second is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def _recall(hit: Hits, relevant: Counts, k: int) -> PerUser:
    return np.asarray(hit.sum(axis=1) / relevant)


def _precision(hit: Hits, relevant: Counts, k: int) -> PerUser:
    return np.asarray(hit.sum(axis=1) / k)


def _hit_rate(hit: Hits, relevant: Counts, k: int) -> PerUser:
    return np.asarray(hit.any(axis=1), dtype=np.float64)


def _mrr(hit: Hits, relevant: Counts, k: int) -> PerUser:
    return np.where(hit.any(axis=1), 1.0 / (hit.argmax(axis=1) + 1), 0.0)


def _map(hit: Hits, relevant: Counts, k: int) -> PerUser:
    at_rank = np.cumsum(hit, axis=1) / np.arange(1, k + 1)
    return np.asarray((at_rank * hit).sum(axis=1) / np.minimum(relevant, k))


def _ndcg(hit: Hits, relevant: Counts, k: int) -> PerUser:
    worth = discounts(k)
    return np.asarray((hit @ worth) / np.cumsum(worth)[np.minimum(relevant, k) - 1])


METRICS: dict[str, Callable[[Hits, Counts, int], PerUser]] = {
    "recall": _recall,
    "ndcg": _ndcg,
    "hit_rate": _hit_rate,
    "mrr": _mrr,
    "map": _map,
    "precision": _precision,
}
