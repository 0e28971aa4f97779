"""Bootstrap intervals of means over users and seeds, which are both resampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import DataError, complain
from sidelight.evaluation.statistics import CELLS, Interval, check_resampling, draw_counts
from sidelight.seeding import generator

Values = NDArray[np.float64]

RESAMPLES = 4_000
LEVEL = 0.95


def crossed_intervals(
    values: Values, n: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> list[Interval]:
    """Compute percentile intervals of means with users and seeds resampled independently.

    Each resample counts how often user u (t_u) and seed s (t_s) are drawn, with replacement, and
    takes mean = sum_su t_s t_u x_su / (U S). Users are shared by all seeds, so that a run of another
    seed is no new sample of users, and seeds by all users. With one seed only users are drawn, and
    the interval says nothing of other seeds. With few seeds their part is too narrow by
    sqrt((S - 1) / S).

    Args:
        values: float64, shape (n_columns, n_seeds, n_users), finite. All columns see the same draws.
        n: Resamples, >= 100.
        level: Nominal coverage, 0 to 1.
        seed: Equal seeds give equal intervals.

    Returns:
        One interval per column.

    Source: The pigeonhole bootstrap for crossed factors, Owen (Annals of Applied Statistics 2007).
    """
    check_resampling(n, level)
    if values.ndim != 3 or not values.size or not np.isfinite(values).all():
        found = f"shape {values.shape}, {int((~np.isfinite(values)).sum())} of them not finite"
        raise DataError(complain("finite values (columns, seeds, users)", found, "crossed_intervals"))
    columns, seeds, users = values.shape
    flat = np.ascontiguousarray(values.reshape(-1, users).T)
    draws = generator(seed, "crossed", "users"), generator(seed, "crossed", "seeds")
    means = np.empty((n, columns))
    step = max(1, CELLS // users)
    for start in range(0, n, step):
        rows = min(step, n - start)
        times_users, times_seeds = draw_counts(draws[0], rows, users), draw_counts(draws[1], rows, seeds)
        sums = (times_users @ flat).reshape(rows, columns, seeds)
        means[start : start + rows] = np.einsum("rcs,rs->rc", sums, times_seeds) / (users * seeds)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    middle = values.mean(axis=(1, 2))
    return [
        Interval(float(m), float(a), float(b), level, users)
        for m, a, b in zip(middle, low, high, strict=True)
    ]
