"""Beyond-accuracy metrics of lists: coverage, novelty, diversity, popularity, exposure, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.errors import DataError, complain
from sidelight.evaluation.metrics import Lists, PerUser, discounts, ratios

Mask = NDArray[np.bool_]


def coverage(items: Lists, candidates: Mask) -> float:
    """Share of the candidates that are in at least one list.

    Args:
        items: int32, shape (n_users, length), -1 where a list is short.
        candidates: bool, shape (n_items,).
    """
    shown = np.zeros(len(candidates), dtype=bool)
    shown[items[items >= 0]] = True
    return _ratio(float((shown & candidates).sum()), float(candidates.sum()))


def grounds(unsupported: Mask, moved: Mask, ks: Sequence[int]) -> dict[str, PerUser]:
    """Share of the slots of each list without evidence, and 1 where the history moved any slot, else 0.

    Args:
        unsupported: bool, shape (n_users, length), slots whose score is not above 0.
        moved: bool, shape (n_users, length), slots that hold another item than with an empty history.
        ks: Cut-offs of the figures "no_evidence@k" and "history_moved@k".
    """
    bare, other = np.cumsum(unsupported, axis=1), np.cumsum(moved, axis=1)
    found = {f"no_evidence@{k}": np.asarray(bare[:, k - 1] / k) for k in ks}
    return found | {f"history_moved@{k}": np.asarray(other[:, k - 1] > 0, dtype=np.float64) for k in ks}


def self_information(counts: NDArray[np.integer], n_users: int) -> PerUser:
    """Compute the self-information of each item, -log2 of its share of training users, in bits.

    An item without users counts as half a user, so it is one bit rarer than an item of one user.

    Args:
        counts: integers, shape (n_items,), training users of each item.
        n_users: Training users, > 0.

    Source: Vargas and Castells (2011), expected popularity complement's logarithmic form.
    """
    return np.asarray(-np.log2(np.maximum(counts, 0.5) / n_users))


def novelty(items: Lists, information: PerUser) -> PerUser:
    """Compute the mean `self_information` of each list, float64 (n_users,); NaN for an empty list."""
    return _mean_in_list(items, information)


def intra_list_diversity(items: Lists, features: Features) -> PerUser:
    """1 - mean cosine between the contents of the pairs in each list, float64 (n_users,).

    Only pairs in which both items have the modality count; NaN where no such pair exists. An item
    that has it but is all zeros (a text without a known word) has cosine 0 with every other.

    Args:
        items: int32, shape (n_users, length), -1 where a list is short; no item twice in a row.
        features: One modality, dense or sparse.

    Source: Ziegler et al. (2005), with the mean over pairs.
    """
    return diversity_at(items, features, (items.shape[1],))[0]


def diversity_at(items: Lists, features: Features, ks: Sequence[int]) -> list[PerUser]:
    """`intra_list_diversity` of the first k of each list, for ascending cut-offs in one pass.

    The sum over pairs is (|sum of unit vectors|^2 - sum of |unit vector|^2) / 2, and the sum of the
    first 20 vectors continues that of the first 10.
    """
    used, where = np.unique(items, return_inverse=True)
    pads = int(used[:1].tolist() == [-1])  # -1, if there, is the first of the sorted items
    at = where.reshape(items.shape) - pads
    used = used[pads:]
    unit = Features(features.name, features.values[used], features.present[used]).normalised()
    present = np.append(features.present[used], False)[at]  # at = -1 reads the last: absent
    square = np.where(present, np.append(_squares(unit), 0.0)[at], 0.0)
    total = [np.empty(len(items)) for _ in ks]
    for start in range(0, len(items), 512):  # bounds the summed vectors at 512 lists
        rows, summed, before = slice(start, start + 512), 0, 0
        for k, out in zip(ks, total, strict=True):
            summed = summed + _indicator(at[rows, before:k], present[rows, before:k], len(used)) @ unit
            out[rows], before = _squares(summed), k
    found = []
    for k, out in zip(ks, total, strict=True):
        counted = present[:, :k].sum(axis=1)
        pairs = counted * (counted - 1) / 2
        similar = (out - square[:, :k].sum(axis=1)) / 2
        found.append(np.asarray(1.0 - ratios(similar, pairs)))
    return found


def popularity_lift(items: Lists, histories: sp.csr_matrix, counts: NDArray[np.integer]) -> float:
    """Compare the popularity of lists and histories: ratio of the means over users, minus 1.

    0 means as popular as the items that users chose themselves, 1 twice as popular. Users without a history
    or a list do not count.

    Args:
        items: int32, shape (n_users, length), -1 where a list is short.
        histories: CSR (n_users, n_items), row for row as `items`.
        counts: integers, shape (n_items,), training users of each item.

    Source: Abdollahpouri et al. (2020), popularity lift, over one group of all users.
    """
    length = np.diff(histories.indptr)
    held = np.asarray((histories != 0) @ counts.astype(np.float64)).ravel()
    own = ratios(held, length)
    listed = _mean_in_list(items, counts.astype(np.float64))
    known = np.isfinite(own) & np.isfinite(listed)
    return _ratio(float(listed[known].sum()), float(own[known].sum())) - 1.0


def exposure(items: Lists, n_items: int, weighted: bool = True) -> PerUser:
    """Attention that each item gets over all lists, float64 (n_items,).

    A slot is worth 1 / log2(1 + rank), or 1 with `weighted=False`.

    Source: Singh and Joachims (2018), logarithmic position bias.
    """
    worth = discounts(items.shape[1]) if weighted else np.ones(items.shape[1])
    shown = items >= 0
    weights = np.broadcast_to(worth, items.shape)[shown]
    return np.bincount(items[shown], weights=weights, minlength=n_items).astype(np.float64)


def gini(amounts: PerUser) -> float:
    """Gini coefficient of non-negative amounts: 0 all equal, towards 1 all on one; NaN if all are 0.

    Formula: sum_i (2 i - n - 1) x_i / (n sum_i x_i), x ascending, i from 1.
    """
    ordered = np.sort(amounts)
    n = len(ordered)
    return _ratio(float(((2 * np.arange(1, n + 1) - n - 1) * ordered).sum()), float(n * ordered.sum()))


def group_exposure(amounts: PerUser, groups: dict[str, Mask]) -> dict[str, float]:
    """Share of all `exposure` that goes to the items of each group; groups may overlap."""
    total = float(amounts.sum())
    return {name: _ratio(float(amounts[mask].sum()), total) for name, mask in groups.items()}


def share_in_lists(items: Lists, group: Mask) -> PerUser:
    """Share of each list's filled slots that holds items of a group, e.g. cold ones; NaN if empty."""
    return _mean_in_list(items, group.astype(np.float64))


def share_in_truth(truth: sp.csr_matrix, group: Mask) -> PerUser:
    """Share of each user's relevant items that are in a group; NaN for a user without any."""
    relevant = np.diff(truth.indptr)
    row = np.repeat(np.arange(len(relevant)), relevant)
    inside = np.bincount(row, weights=group[truth.indices].astype(np.float64), minlength=len(relevant))
    return ratios(inside, relevant)


def miscalibration(
    items: Lists, histories: sp.csr_matrix, categories: Features, alpha: float = 0.01
) -> PerUser:
    """Kullback-Leibler divergence, in bits, of each list's categories from the history's.

    p is the mean category distribution of the history, q that of the list, an item with several
    categories splitting its weight; sum_c p_c log2(p_c / ((1 - alpha) q_c + alpha p_c)). 0 means
    that the list mirrors the history. NaN where either has no categorised item.

    Args:
        items: int32, shape (n_users, length), -1 where a list is short.
        histories: CSR (n_users, n_items), row for row as `items`.
        categories: Non-negative values (n_items, n_categories), rows scaled to sum to 1 here.
        alpha: Smoothing, so that a category absent from the list stays finite; > 0.

    Source: Steck (2018), equations 2-5, all weights 1.
    """
    return miscalibration_at(items, histories, categories, (items.shape[1],), alpha)[0]


def miscalibration_at(
    items: Lists, histories: sp.csr_matrix, categories: Features, ks: Sequence[int], alpha: float = 0.01
) -> list[PerUser]:
    """`miscalibration` of the first k of each list, for several cut-offs."""
    of_items = sp.csr_matrix(categories.values, dtype=np.float64)
    if of_items.nnz and of_items.data.min() < 0:
        where = f"features {categories.name!r}"
        raise DataError(complain("categories as non-negative values", "a value below 0", where))
    of_items = _sum_to_one(of_items)
    binary = sp.csr_matrix((np.ones(histories.nnz), histories.indices, histories.indptr), histories.shape)
    p = _sum_to_one(binary @ of_items)
    row = np.repeat(np.arange(len(items)), np.diff(p.indptr))
    found = []
    for k in ks:
        first = items[:, :k]
        q = _sum_to_one(_indicator(first, first >= 0, of_items.shape[0]) @ of_items)
        beside = np.asarray(q[row, p.indices]).ravel()
        terms = p.data * np.log2(p.data / ((1 - alpha) * beside + alpha * p.data))
        divergence = np.bincount(row, weights=terms, minlength=len(items))
        known = (np.diff(p.indptr) > 0) & (np.diff(q.indptr) > 0)
        found.append(np.where(known, divergence, np.nan))
    return found


def calibration_error(probability: PerUser, relevant: Mask, bins: int = 10) -> float:
    """Mean gap between a predicted probability and the share that came true, over equal bins.

    For scores that claim to be probabilities; weighted by the number in each bin.

    Source: Naeini et al. (2015), expected calibration error.
    """
    if len(probability) and not (probability.min() >= 0 and probability.max() <= 1):
        raise DataError(complain("probabilities in 0..1", f"{probability.min()} to {probability.max()}"))
    at = np.minimum((probability * bins).astype(int), bins - 1)
    claimed = np.bincount(at, weights=probability, minlength=bins)
    came = np.bincount(at, weights=relevant.astype(np.float64), minlength=bins)
    return _ratio(float(np.abs(claimed - came).sum()), float(len(probability)))


def _mean_in_list(items: Lists, worth: PerUser) -> PerUser:
    shown = items >= 0
    total = np.where(shown, worth[items], 0.0).sum(axis=1)
    return ratios(total, shown.sum(axis=1))


def _indicator(items: NDArray[np.integer], shown: Mask, n_items: int) -> sp.csr_matrix:
    """Return the items of each list as CSR (n_users, n_items) of ones at `items` where `shown`."""
    ends = np.concatenate([[0], np.cumsum(shown.sum(axis=1))])
    ones = np.ones(int(ends[-1]), dtype=np.float32)
    return sp.csr_matrix((ones, items[shown], ends), shape=(len(items), n_items))


def _sum_to_one(matrix: sp.csr_matrix) -> sp.csr_matrix:
    total = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    out = sp.csr_matrix(sp.diags(scale) @ matrix)
    out.eliminate_zeros()
    return out


def _squares(rows: NDArray[np.float32] | sp.csr_matrix) -> PerUser:
    if sp.issparse(rows):
        matrix = sp.csr_matrix(rows)
        return np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float64).ravel()
    return np.asarray(np.einsum("ij,ij->i", rows, rows), dtype=np.float64)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
