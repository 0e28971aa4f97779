"""Nearest-neighbour graphs over items, built block by block in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.progress import Progress

Dense = NDArray[np.float32]
CELLS = 1 << 25  # similarities held at a time: 128 MiB of float32
BLOCK = 1024  # columns of a two-step graph made at a time, each of some thousand entries


def neighbour_graph(
    similarity: Callable[[NDArray[np.int64], NDArray[np.int64]], Dense],
    targets: NDArray[np.int64],
    sources: NDArray[np.int64],
    n_items: int,
    neighbours: int,
    power: float = 1.0,
    hub: float = 0.0,
    progress: Progress | None = None,
) -> sp.csr_matrix:
    """Weights from each target item's nearest source items.

    w[i, j] = s(i, j)^power / (sum_i s(i, j)^power)^hub for the `neighbours` most similar sources i
    of target j with s > 0, never j itself; 0 elsewhere.

    Args:
        similarity: Gives float32 (n_targets, n_sources) for blocks of item indices.
        targets: int64 items that receive neighbours.
        sources: int64 items that may be neighbours, sorted ascending.
        n_items: Size of the catalogue.
        neighbours: At most this many a target, >= 1.
        power: > 1 lets the nearest ones count more.
        hub: In [0, 1]; 0 favours items in dense regions, which have many near neighbours;
            1 gives each target the same total weight.
        progress: Called as (done, total, label).

    Returns:
        CSR float32 (n_items, n_items): rows are sources (history items), columns are targets.
    """
    k = min(neighbours, len(sources))
    found = []
    step = max(1, CELLS // max(1, len(sources)))
    for start in range(0, len(targets) if k else 0, step):
        block = targets[start : start + step]
        close = similarity(block, sources)
        own = np.searchsorted(sources, block)
        inside = np.flatnonzero((own < len(sources)) & (sources[np.minimum(own, len(sources) - 1)] == block))
        close[inside, own[inside]] = 0.0
        best = np.argpartition(-close, k - 1, axis=1)[:, :k]
        value = np.maximum(np.take_along_axis(close, best, axis=1), 0.0) ** power
        total = value.sum(axis=1, keepdims=True)
        if hub:
            value = value / np.where(total > 0, total, 1.0) ** hub
        found.append((sources[best].ravel(), np.repeat(block, k), value.ravel()))
        if progress is not None:
            progress(min(start + step, len(targets)), len(targets), "neighbours")
    if not found:
        return sp.csr_matrix((n_items, n_items), dtype=np.float32)
    source, target, value = (np.concatenate(part) for part in zip(*found, strict=True))
    graph = sp.csr_matrix((value.astype(np.float32), (source, target)), shape=(n_items, n_items))
    graph.eliminate_zeros()
    graph.sort_indices()
    return graph


def two_step_graph(
    similarity: Callable[[NDArray[np.int64], NDArray[np.int64]], Dense],
    targets: NDArray[np.int64],
    sources: NDArray[np.int64],
    n_items: int,
    options: tuple[int, float, float],
    bridges: tuple[int, int],
    progress: Progress | None = None,
) -> sp.csr_matrix:
    """Weights from source items, directly and over one item in between, touched or not.

    V[:, j] = W[:, j] + sum_k W[:, k] G[k, j]. W is the `neighbour_graph` of the options. G links target
    j to its nearest `bridges[0]` items k among the first `bridges[1]` of the catalogue, with the same
    power and hub = 1, so that each of its columns sums to 1. V[j, j] = 0, and of each column the
    `neighbours` largest entries are kept.

    Args:
        similarity, targets, sources, n_items, progress: See `neighbour_graph`.
        options: neighbours, power, hub of W.
        bridges: Bridges a target, and how many items may be one.

    Returns:
        CSR float32 (n_items, n_items) as of `neighbour_graph`.
    """
    neighbours, power, _ = options
    direct = neighbour_graph(similarity, targets, sources, n_items, *options, progress)
    between = np.arange(bridges[1])
    across = neighbour_graph(similarity, targets, between, n_items, bridges[0], power, 1.0, progress).tocsc()
    used = np.unique(across.indices)
    first = direct
    if not np.isin(used, targets).all():
        first = neighbour_graph(similarity, used, sources, n_items, *options)
    straight = direct.tocsc()
    parts = []
    for start in range(0, n_items, BLOCK):
        at = slice(start, min(start + BLOCK, n_items))
        parts.append(strongest(straight[:, at] + sp.csc_matrix(first @ across[:, at]), start, neighbours))
    graph = sp.csr_matrix(sp.hstack(parts, format="csr"), dtype=np.float32)
    graph.sort_indices()
    return graph


def strongest(columns: sp.csc_matrix, offset: int, k: int) -> sp.csc_matrix:
    """At most the k largest entries of each column, without those that link item offset + c to itself."""
    found = sp.csc_matrix(columns)
    found.sort_indices()
    at = np.repeat(np.arange(found.shape[1]), np.diff(found.indptr))
    found.data[found.indices == at + offset] = 0.0
    for start, stop in zip(found.indptr[:-1], found.indptr[1:], strict=True):
        if stop - start > k:
            column = found.data[start:stop]  # a view
            column[np.argsort(-column, kind="stable")[k:]] = 0.0
    found.eliminate_zeros()
    return found


def cosine_counts(histories: sp.csr_matrix, shrink: float) -> Callable[..., Dense]:
    """Cosine of the users of two items, shrunk: c_ij / (sqrt(n_i n_j) + shrink).

    Args:
        histories: Binary CSR (n_users, n_items).
        shrink: >= 0; damps similarities that rest on few common users.
    """
    columns = histories.tocsc()
    norm = np.sqrt(np.asarray(histories.multiply(histories).sum(axis=0)).ravel()).astype(np.float32)

    def similarity(rows: NDArray[np.int64], against: NDArray[np.int64]) -> Dense:
        common = (columns[:, rows].T @ columns[:, against]).toarray().astype(np.float32)
        base = np.outer(norm[rows], norm[against]) + np.float32(shrink)
        out: Dense = np.divide(common, base, out=np.zeros_like(common), where=base > 0)
        return out

    return similarity
