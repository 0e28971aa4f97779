"""Permutation test of modalities, before training: is similar content chosen together?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import ndtr

from sidelight.content.features import Features
from sidelight.seeding import generator

USERS = 1000  # looked at, at most
LONGEST = 50  # items of one history that are looked at, at most
PERMUTATIONS = 40
ENOUGH = 3.0  # standard errors from which on a lift is no accident
ODDS = 1 / 2  # for a lift against none, below which a modality is left out

Rows: TypeAlias = Any  # float32 array or CSR matrix, (n_rows, dim)


@dataclass(frozen=True)
class ModalityEvidence:
    """Lift of similarity in one modality: items of one history against items in general.

    Args:
        name: Name of the modality.
        lift: Mean similarity of two items of one history above its mean under permutations, in
            standard deviations of the similarity of two random items.
        error: Standard deviation of `lift` under permutations; infinite where it has no pairs.
    """

    name: str
    lift: float
    error: float

    @property
    def z(self) -> float:
        """Lift in standard errors; 0 where nothing could be measured."""
        return self.lift / self.error if np.isfinite(self.error) and self.error > 0 else 0.0


def modality_evidence(
    features: Sequence[Features], fitting: sp.csr_matrix, seed: int = 0
) -> tuple[ModalityEvidence, ...]:
    """Compute the lift of every modality from the histories that a model may be fitted on.

    With x_i the features of item i, H_u the n_u items of user u that have the modality, N = sum_u n_u
    and m = sum_u sum_{i in H_u} x_i / N,

        S = sum_u (|sum_{i in H_u} x_i|^2 - sum_{i in H_u} |x_i|^2) / (n_u - 1) / N - |m|^2,

    the mean similarity within a history less the one between entries of any two. Under the null
    hypothesis rows of x are permuted over the touched items: how often an item was
    chosen, and with which others, stays as it is, so that pairs which recur in many histories are
    no evidence of their own.

    Args:
        features: One a modality, over the whole catalogue.
        fitting: CSR (n_users, n_items).
        seed: Random seed of the users and permutations.
    """
    rows = _short(sp.csr_matrix(fitting, dtype=np.float32), generator(seed, "evidence", "users"))
    return tuple(_of(f, rows, generator(seed, "evidence", f.name)) for f in features)


def useful(found: Sequence[ModalityEvidence]) -> NDArray[np.bool_]:
    """Select the modalities to use, bool (n_modalities,).

    With b the best lift, f and F the density and the distribution of the normal and s the error, the
    odds for a lift anywhere from 0 to b against a lift of 0 are

        (F((b - lift) / s) - F(-lift / s)) / b : f(lift / s) / s,

    and below ODDS a modality is left out. With few pairs errors are large and it stays; where not
    even the best lift is more than an accident (z < ENOUGH), all stay.

    Source: Bayes factor with a uniform prior, as in Jeffreys, "Theory of Probability" (1961); the
    bound is ours: a modality is left out where none is at least twice as likely as some.
    """
    known = [e for e in found if e.z >= ENOUGH]
    best = max((e.lift for e in known), default=0.0)
    return np.array([not known or _odds(e, best) >= ODDS for e in found], dtype=np.bool_)


def _odds(found: ModalityEvidence, best: float) -> float:
    if not np.isfinite(found.error):
        return 1.0
    inside = ndtr((best - found.lift) / found.error) - ndtr(-found.z)
    density = np.exp(-(found.z**2) / 2) / np.sqrt(2 * np.pi) / found.error
    return float(inside / best / max(density, 1e-300))


def _short(rows: sp.csr_matrix, rng: np.random.Generator) -> sp.csr_matrix:
    """Sample histories of two items or more, and shorten long ones."""
    able = np.flatnonzero(np.diff(rows.indptr) > 1)
    rows = rows[np.sort(rng.choice(able, min(USERS, len(able)), replace=False))]
    length = np.diff(rows.indptr)
    user = np.repeat(np.arange(len(length)), length)
    order = np.lexsort((rng.random(len(user)), user))
    rank = np.arange(len(user)) - np.repeat(rows.indptr[:-1], length)
    kept = order[rank < LONGEST]
    entries = np.ones(len(kept), dtype=np.float32), (user[kept], rows.indices[kept])
    return sp.csr_matrix(entries, shape=rows.shape)


def _of(features: Features, rows: sp.csr_matrix, rng: np.random.Generator) -> ModalityEvidence:
    nothing = ModalityEvidence(features.name, 0.0, float("inf"))
    items = np.flatnonzero(features.present & (rows.getnnz(axis=0) > 0))
    rows = rows[:, items]
    rows = rows[rows.getnnz(axis=1) > 1]
    if len(items) < 3 or not rows.nnz:
        return nothing
    x: Rows = features.values[items]
    spread = _spread(x, rng)
    if spread <= 0:
        return nothing
    own = _squares(x)
    # Of a sum over u of (...) / (n_u - 1), each row is scaled by the root of its factor.
    weighted = sp.csr_matrix(sp.diags((1 / np.sqrt(np.diff(rows.indptr) - 1.0)).astype(np.float32)) @ rows)
    of_item = np.asarray(weighted.multiply(weighted).sum(axis=0), dtype=np.float64).ravel()

    count = np.asarray(rows.sum(axis=0), dtype=np.float64).ravel()

    def alike(order: NDArray[np.int64]) -> float:
        given = x[order]
        within = (_squares(weighted @ given).sum() - of_item @ own[order]) / rows.nnz
        return float(within - np.square(count @ given / rows.nnz).sum())

    null = np.array([alike(rng.permutation(len(items))) for _ in range(PERMUTATIONS)])
    lift = (alike(np.arange(len(items))) - null.mean()) / spread
    error = float(null.std(ddof=1) / spread)
    return ModalityEvidence(features.name, float(lift), error) if error > 0 else nothing


def _spread(x: Rows, rng: np.random.Generator) -> float:
    """Standard deviation of the similarity of two different items, on a draw of pairs."""
    one, two = rng.integers(x.shape[0], size=(2, 4000))
    one, two = one[one != two], two[one != two]
    if sp.issparse(x):
        return float(np.asarray(x[one].multiply(x[two]).sum(axis=1)).std())
    return float(np.einsum("ij,ij->i", x[one], x[two]).std())


def _squares(x: Rows) -> NDArray[np.float64]:
    """Squared length of each row."""
    if sp.issparse(x):
        return np.asarray(x.multiply(x).sum(axis=1), dtype=np.float64).ravel()
    return np.asarray(np.einsum("ij,ij->i", x, x, dtype=np.float64))
