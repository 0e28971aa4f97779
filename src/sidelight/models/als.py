"""Implicit-feedback matrix factorisation by alternating least squares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories, matrix_of
from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.models.check_arguments import need_split
from sidelight.models.recommender import Recommender
from sidelight.models.scorer import (
    ALL,
    HistoryOnly,
    InteractionsOnly,
    Places,
    Scores,
    State,
    column_blocks,
)
from sidelight.option_types import Count, Dim, NonNegative, Positive, Seed, checked
from sidelight.progress import Progress
from sidelight.seeding import generator

Dense = NDArray[np.float32]


@dataclass(frozen=True)
@checked
class ALS:
    """Matrix factorisation where every untouched pair counts a little.

    Minimises sum_touched (1 - u.v)^2 + unobserved * sum_all (u.v)^2
    + reg * (sum_u f_u |u|^2 + sum_v f_v |v|^2), f = (touched + unobserved * others)^frequency.

    Args:
        dim: Factors.
        epochs: Sweeps over users and items.
        unobserved: Weight of untouched pairs, > 0.
        reg: L2 regularisation.
        frequency: 0 regularises all alike, 1 in proportion to how often they occur.
        seed: Random seed of the initial factors.
        floor: Add popularity to the scores of short histories, see `models.score_floor.with_floor`.

    Source: Hu, Koren and Volinsky (ICDM 2008); the form of Rendle et al., "Revisiting the
    Performance of iALS" (RecSys 2022), eq. 3 and 4.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.ALS(dim=8).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    dim: Dim = 128
    epochs: Count = 12
    unobserved: Positive = 0.05
    reg: Positive = 0.01
    frequency: NonNegative = 1.0
    seed: Seed = 0
    floor: bool = True

    def fit(self, split: Split, progress: Progress | None = None) -> Recommender:
        """Alternate between users and items; cold items keep zero factors."""
        split = need_split(split, self)
        users = split.fitting()
        items = sp.csr_matrix(users.T)
        rng = generator(self.seed, "als")
        vectors = rng.standard_normal((users.shape[1], self.dim), dtype=np.float32)
        vectors *= np.float32(0.1 / self.dim**0.5)
        options = (self.unobserved, self.reg, self.frequency)
        size = users.shape[1]
        for epoch in range(self.epochs):
            factors = solve(users, vectors, *options)
            vectors = solve(items, factors, *options)
            if progress is not None:
                progress(epoch + 1, self.epochs, "als")
        if not np.isfinite(vectors).all():
            raise SpecError(complain("finite factors", "NaN or infinity", "ALS", "raise reg"))
        return Recommender.of(self, ALSScorer(vectors, options, size), split)


def solve(
    rows: sp.csr_matrix, fixed: Dense, unobserved: float, reg: float, frequency: float, size: int = 0
) -> Dense:
    """Solve for the factors of each row while the other side is fixed; zero for empty rows.

    Args:
        rows: Binary CSR (n_rows, n_fixed).
        fixed: float32 (n_fixed, dim).
        unobserved, reg, frequency: See `ALS`.
        size: Number of rows on the other side; 0 means n_fixed.

    Returns:
        float32 (n_rows, dim).
    """
    dim = fixed.shape[1]
    base = unobserved * (fixed.T @ fixed)
    out = np.zeros((rows.shape[0], dim), dtype=np.float32)
    count = rows.getnnz(axis=1)
    busy = np.flatnonzero(count)
    step = max(1, (1 << 24) // dim**2)
    for start in range(0, len(busy), step):
        block = busy[start : start + step]
        normal = np.empty((len(block), dim, dim), dtype=np.float32)
        target = np.empty((len(block), dim), dtype=np.float32)
        for at, row in enumerate(block):
            touched = fixed[rows.indices[rows.indptr[row] : rows.indptr[row + 1]]]
            normal[at] = touched.T @ touched
            target[at] = touched.sum(axis=0)
        normal += base
        weight = (count[block] + unobserved * ((size or rows.shape[1]) - count[block])) ** frequency
        normal[:, np.arange(dim), np.arange(dim)] += (reg * weight)[:, None].astype(np.float32)
        out[block] = np.linalg.solve(normal, target[:, :, None])[:, :, 0]
    return out


@dataclass(frozen=True, eq=False)
class ALSScorer(InteractionsOnly, HistoryOnly):
    """score(h) = u(h).v with u solved from the history, so that new users need no retraining.

    Args:
        items: float32 (n_items, dim), zero for cold items.
        options: unobserved, reg, frequency.
        size: Items at the time of the fit, which the regularisation counts.
    """

    items: Dense
    options: tuple[float, float, float]
    size: int

    @property
    def vectors(self) -> Dense:
        """float32 (n_items, dim)."""
        return self.items

    def queries(self, histories: Histories | sp.csr_matrix) -> Dense:
        """float32 (n_rows, dim): score = queries @ vectors.T."""
        return solve(matrix_of(histories), self.items, *self.options, self.size)

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        return np.asarray(self.queries(histories) @ self.items.T, dtype=np.float32)

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Cosine of the factors, float32 (n_queries, n_items)."""
        norm = np.linalg.norm(self.items, axis=1, keepdims=True)
        unit = np.divide(self.items, norm, out=np.zeros_like(self.items), where=norm > 0)
        return np.asarray(unit[items] @ unit[among].T, dtype=np.float32)

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        queries = self.queries(column_blocks(history, len(self.items)))
        return np.asarray(queries @ self.items[items].T, dtype=np.float64)

    def with_items(self, items: pl.DataFrame) -> Self:
        """Give new items zero factors, that is score 0."""
        fresh = np.zeros((len(items), self.items.shape[1]), dtype=np.float32)
        return type(self)(np.vstack([self.items, fresh]), self.options, self.size)

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        return {"items": self.items}, {"options": list(self.options), "size": self.size}

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`."""
        unobserved, reg, frequency = (float(v) for v in meta["options"])
        return cls(arrays["items"], (unobserved, reg, frequency), int(meta["size"]))
