"""Exact top-k of score blocks: masked pairs get no rank, ties go to the lower item index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.errors import DataError, SpecError, complain
from sidelight.seeding import generator

Items = NDArray[np.int32]
Values = NDArray[np.float32]

_BUFFER = 1 << 19  # float32 cells worked on at a time: 2 MiB, so that the passes stay in cache


def top_k(
    scores: Values,
    k: int,
    excluded: sp.csr_matrix | None = None,
    candidates: NDArray[np.bool_] | None = None,
    jitter: Values | None = None,
) -> tuple[Items, Values]:
    """Return the k best items of every row, best first; equal scores are ordered by item index.

    The columns are dealt into groups and only the group maxima are partitioned: their k-th
    largest is a lower bound of the k-th largest score, so only the few groups that reach it are
    scanned. The result is exact, ties included, and `scores` is neither changed nor copied whole.

    Args:
        scores: float32, shape (n_rows, n_items); -inf means "may not be shown".
        k: Length of the lists, >= 1.
        excluded: CSR (n_rows, n_items), pairs that get no rank (stored entries count, whatever
            their value), or None.
        candidates: bool, shape (n_items,), items that may be shown, or None for all.
        jitter: float32 (n_items,), added to every score, e.g. `tie_breakers`; None adds nothing.

    Returns:
        items int32 and values float32, both (n_rows, k); -1 and -inf where a row has fewer than
        k candidates.

    Raises:
        DataError: Scores that are NaN, +inf or not float32, or shapes that do not fit.
    """
    _check(scores, k, excluded, candidates)
    n_rows, n_items = scores.shape
    shown = _Shown.of(candidates, n_items, jitter)
    groups = min(max(shown.width, k), max(16 * k, 512))
    depth = max(1, -(-shown.width // groups))
    step = max(1, _BUFFER // (groups * depth))
    buffer = np.full((min(step, n_rows), depth * groups), -np.inf, dtype=np.float32)
    items = np.full((n_rows, k), -1, dtype=np.int32)
    values = np.full((n_rows, k), -np.inf, dtype=np.float32)
    for start in range(0, n_rows, step):
        stop = min(start + step, n_rows)
        part = buffer[: stop - start]
        shown.copy(scores[start:stop], part)
        if excluded is not None:
            shown.mask(part, excluded, start, stop)
        row, column, value = _largest(part, groups, k, start)
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        first = rank < k
        row, rank = row[first] + start, rank[first]
        items[row, rank] = shown.items(column[first])
        values[row, rank] = value[first]
    return items, values


NOTHING = np.float32(1e-29)  # scores below it are no evidence: zero, a tie breaker, or negative


def tie_breakers(n_items: int) -> Values:
    """Return numbers that put items without any evidence (score 0) into a fixed random order.

    They are near 1e-30: too small to change any other score. Without them such items
    would be ranked by index, that is by id, and ids often follow time or popularity: a model without
    any information would seem to have some.

    Returns:
        float32, shape (n_items,), distinct.
    """
    order = generator(0, "ties").permutation(n_items)
    return (1e-30 * (1 + order / max(1, n_items))).astype(np.float32)


def merge(lists: list[tuple[Items, Values]], k: int) -> tuple[Items, Values]:
    """Merge top lists of the same rows over disjoint item sets, ordered as `top_k`.

    Args:
        lists: Pairs (items, values) as `top_k` gives them, each (n_rows, any length).
        k: Length of the merged lists; exact when every list holds its own k best.
    """
    items = np.concatenate([i for i, _ in lists], axis=1)
    values = np.concatenate([v for _, v in lists], axis=1)
    best = np.lexsort((items, -values), axis=1)[:, :k]
    return np.take_along_axis(items, best, axis=1), np.take_along_axis(values, best, axis=1)


def without_history(
    scores: Values,
    k: int,
    excluded: sp.csr_matrix,
    candidates: NDArray[np.bool_] | None = None,
    jitter: Values | None = None,
) -> Items:
    """Rank the lists of users with the scores of an empty history, int32 (n_rows, k), as `top_k` does.

    Args:
        scores: float32 (n_rows, n_items), or (1, n_items) where they are the same for all users.
        excluded: CSR (n_rows, n_items), see `top_k`; it is the only difference between users then.
        k, candidates, jitter: See `top_k`.
    """
    if len(scores) == excluded.shape[0] != 1:
        return top_k(scores, k, excluded, candidates, jitter)[0]
    longest = min(scores.shape[1], k + int(np.diff(excluded.indptr).max(initial=0)))
    order = top_k(scores, longest, None, candidates, jitter)[0][0]
    items = np.full((excluded.shape[0], k), -1, dtype=np.int32)
    for row, own in enumerate(items):
        seen = excluded.indices[excluded.indptr[row] : excluded.indptr[row + 1]]
        first = order[~np.isin(order, seen)][:k]
        own[: len(first)] = first
    return items


def _largest(
    block: Values, groups: int, k: int, start: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Values]:
    """Rows, columns and scores that hold each row's k largest, sorted by row, then rank."""
    n_rows = len(block)
    folded = block.reshape(n_rows, -1, groups)  # column c is in group c % groups
    maxima = folded.max(axis=1)  # (n_rows, groups)
    if not maxima.max(initial=-np.inf) < np.inf:  # NaN fails this too: max() passes it on
        bad = start + int(np.flatnonzero(~(maxima.max(axis=1) < np.inf))[0])
        raise DataError(complain("finite scores", "NaN or +inf", f"row {bad} of the score block"))
    bound = np.partition(maxima, groups - k, axis=1)[:, groups - k, None]
    # Rows with many equal scores (a model that knows nothing of most items) have many groups at
    # the bound; only their k lowest indices are needed, and found below.
    reached = maxima >= bound
    tied = (np.count_nonzero(reached, axis=1) > k + 4)[:, None] | (bound == -np.inf)
    if tied.any():
        reached &= (maxima > bound) | ~tied
    row, group = _where(reached)
    reach, least = folded[row, :, group], bound[row]  # (n_pairs, depth)
    kept = reach >= least
    if tied.any():
        kept &= (reach > least) | ~tied[row]
    pair, layer = _where(kept)
    found = [(row[pair], layer * groups + group[pair], reach[pair, layer])]
    for tie in np.flatnonzero(tied & (bound > -np.inf)):
        at = np.flatnonzero(block[tie] == bound[tie])[:k]
        found.append((np.full(len(at), tie), at, block[tie, at]))
    rows, columns, scores = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((columns, -scores, rows))
    return rows[order], columns[order], scores[order]


def _where(found: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`np.nonzero` of a matrix that is mostly False, three times as fast."""
    row, column = np.divmod(np.flatnonzero(found), max(1, found.shape[1]))
    return row, column


@dataclass(frozen=True)
class _Shown:
    """Candidate columns, and the copy of a part of the scores into the buffer."""

    width: int
    columns: NDArray[np.int64] | None = None  # few candidates: only their columns are copied
    position: NDArray[np.int64] | None = None  # and where each column went, -1 nowhere
    added: Values | None = None  # many candidates: all are copied, the others pushed to -inf

    @staticmethod
    def of(candidates: NDArray[np.bool_] | None, n_items: int, jitter: Values | None) -> _Shown:
        if candidates is None or candidates.all():
            return _Shown(n_items, added=jitter)
        columns = np.flatnonzero(candidates)
        if 3 * len(columns) > n_items:
            inside = np.zeros(n_items, dtype=np.float32) if jitter is None else jitter
            return _Shown(n_items, added=np.where(candidates, inside, -np.inf).astype(np.float32))
        position = np.full(n_items, -1, dtype=np.int64)
        position[columns] = np.arange(len(columns))
        return _Shown(len(columns), columns, position, None if jitter is None else jitter[columns])

    def copy(self, scores: Values, part: Values) -> None:
        into = part[:, : self.width]
        if self.columns is not None:
            np.take(scores, self.columns, axis=1, out=into, mode="clip")
            if self.added is not None:
                into += self.added
        elif self.added is not None:
            with np.errstate(invalid="ignore"):  # +inf - inf is NaN, and refused as such
                np.add(scores, self.added, out=into)
        else:
            into[:] = scores

    def mask(self, part: Values, excluded: sp.csr_matrix, start: int, stop: int) -> None:
        ends = excluded.indptr[start : stop + 1]
        row = np.repeat(np.arange(stop - start), np.diff(ends))
        column: NDArray[Any] = excluded.indices[ends[0] : ends[-1]]
        if self.position is not None:
            column = self.position[column]
            row, column = row[column >= 0], column[column >= 0]
        part[row, column] = -np.inf

    def items(self, column: NDArray[np.int64]) -> NDArray[np.int64]:
        return column if self.columns is None else self.columns[column]


def _check(
    scores: Values, k: int, excluded: sp.csr_matrix | None, candidates: NDArray[np.bool_] | None
) -> None:
    if k < 1:
        raise SpecError(complain("k >= 1", str(k)))
    if scores.ndim != 2 or scores.dtype != np.float32:
        raise DataError(complain("float32 scores (n_rows, n_items)", f"{scores.dtype} {scores.shape}"))
    if excluded is not None and excluded.shape != scores.shape:
        raise DataError(complain(f"excluded pairs of shape {scores.shape}", f"{excluded.shape}"))
    if candidates is not None and candidates.shape != scores.shape[1:]:
        raise DataError(complain(f"a candidate mask of shape {scores.shape[1:]}", f"{candidates.shape}"))
