"""Drift reference: distributions of history lengths and scores that are usual for a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sidelight.models.recommender import Recommender
from sidelight.models.scorer import with_context
from sidelight.seeding import generator

BINS, SAMPLE, CELLS = 10, 256, 1 << 24
Numbers = NDArray[np.floating] | NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class HistogramBins:
    """Distribution as shares of bins.

    Args:
        edges: float64, ascending; bins lie between and outside them.
        shares: float64 (len(edges) + 1,), summing to 1.
    """

    edges: NDArray[np.float64]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, values: Numbers) -> HistogramBins:
        """Choose bins that hold about equally many of these values."""
        cuts = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
        edges = np.unique(cuts.astype(np.float64))
        return cls(edges, _shares(edges, values))

    def distance(self, values: Sequence[float]) -> float:
        """Population stability index of values against these shares, >= 0."""
        now = _shares(self.edges, np.asarray(values))
        return float(((now - self.shares) * np.log(now / self.shares)).sum())


def _shares(edges: NDArray[np.float64], values: Numbers) -> NDArray[np.float64]:
    """Shares of the bins, smoothed by half a count per bin, so that none is 0."""
    count = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
    shares: NDArray[np.float64] = count / count.sum()
    return shares


@dataclass(frozen=True, eq=False)
class DriftReference:
    """Usual distributions of a version.

    Args:
        lengths: Lengths of the histories of its stored users; None without stored users.
        scores: Best scores of stored users among the items that they do not have.
    """

    lengths: HistogramBins | None = None
    scores: HistogramBins | None = None

    @classmethod
    def of(cls, model: Recommender) -> DriftReference:
        """Measure a model: lengths of all stored histories, scores of at most 256 users, always the same."""
        if model.people is None:
            return cls()
        own = model.people.histories
        length = own.lengths
        users = np.flatnonzero(length)
        if not len(users):
            return cls()
        size = min(SAMPLE, len(users), max(1, CELLS // own.shape[1]))
        sample = np.sort(generator(0, "drift").choice(users, size, replace=False))
        rows = own[sample]
        scores = np.array(with_context(model.scorer, sample).score(rows))
        scores[rows.matrix().nonzero()] = -np.inf
        best = scores.max(axis=1)
        good = best[best > 0]
        return cls(HistogramBins.of(length[users]), HistogramBins.of(good) if len(good) else None)
