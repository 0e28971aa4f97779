"""Uncertainty of a mean over users, or of a difference of two: bootstrap, sign flips, Holm.

No Wilcoxon test: at thousands of users it rejects far too often, see docs/evaluation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sidelight.errors import DataError, SpecError, complain
from sidelight.seeding import generator

PerUser = NDArray[np.float64]

CELLS = 1 << 22  # resampling counts held at a time: 32 MiB of float64


@dataclass(frozen=True)
class Interval:
    """A mean over users with a bootstrap interval: of one value per user, or of a difference.

    Args:
        mean: The mean over users.
        low, high: Ends of the interval.
        level: Its nominal coverage, e.g. 0.95.
        n_users: Users that the mean is over.
    """

    mean: float
    low: float
    high: float
    level: float
    n_users: int

    @property
    def excludes_zero(self) -> bool:
        """Return True if all of the interval is on one side of 0."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def bootstrap_interval(values: ArrayLike, n: int = 10_000, level: float = 0.95, seed: int = 0) -> Interval:
    """Compute the percentile interval of the mean of `values` under resampling of users.

    Args:
        values: float64, shape (n_users,), one value per user, finite.
        n: Resamples, >= 100.
        level: Nominal coverage, 0 to 1.
        seed: Equal seeds give equal intervals.

    Source: Efron (1979); the percentile method of Efron and Tibshirani (1993), chapter 13.
    """
    found = _finite(values, "values")
    low, high = interval_bounds(found[:, None], n, level, seed)[0]
    return Interval(float(found.mean()), low, high, level, len(found))


def paired_bootstrap(
    a: ArrayLike, b: ArrayLike, n: int = 10_000, level: float = 0.95, seed: int = 0
) -> Interval:
    """`bootstrap_interval` of the mean of a - b, the same users drawn for both.

    Args:
        a, b: float64, shape (n_users,), the same users in the same order, finite.
        n: Resamples, >= 100.
        level: Nominal coverage, 0 to 1.
        seed: Equal seeds give equal intervals.

    Source: Efron (1979); for rankings Smucker, Allan and Carterette (2007).
    """
    return bootstrap_interval(_difference(a, b), n, level, seed)


def interval_bounds(
    values: PerUser, n: int = 10_000, level: float = 0.95, seed: int = 0
) -> list[tuple[float, float]]:
    """Bootstrap interval of the mean of every column, with the same draws for all of them.

    Args:
        values: float64, shape (n_users, n_columns); NaN where a column says nothing of a user, who
            then drops out of that column's mean (in every resample too).
        n: Resamples, >= 100.
        level: Nominal coverage, 0 to 1.
        seed: Equal seeds give equal intervals.

    Returns:
        (low, high) of each column; NaN where no user has a value.
    """
    check_resampling(n, level)
    n_users, n_columns = values.shape
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    partial = np.flatnonzero(~known.all(axis=0))
    rng = generator(seed, "bootstrap")
    means = np.full((n, n_columns), np.nan)
    step = max(1, CELLS // max(1, n_users))
    for start in range(0, n if n_users else 0, step):
        times = draw_counts(rng, min(step, n - start), n_users)
        divisor = np.full((len(times), n_columns), float(n_users))
        divisor[:, partial] = times @ known[:, partial]
        part = means[start : start + step]
        np.divide(times @ filled, divisor, out=part, where=divisor > 0)
    tail = (1 - level) / 2
    return [_quantiles(column, tail) for column in means.T]


def sign_flip_test(difference: ArrayLike, n: int = 10_000, seed: int = 0) -> float:
    """Two-sided p-value that a mean difference is 0, by flipping the sign of each user's difference.

    p = (1 + flips with a sum at least as far from 0) / (1 + n), never 0. Assumes only that, without
    an effect, a user's difference is as likely the one sign as the other.

    Args:
        difference: float64, shape (n_users,), finite.
        n: Random sign patterns, >= 100.
        seed: Equal seeds give equal p-values.

    Source: Fisher (1935); the randomisation test of Smucker, Allan and Carterette (2007).
    """
    if n < 100:
        raise SpecError(complain("n >= 100 sign patterns", str(n)))
    found = _finite(difference, "difference")
    found = found[found != 0]  # a zero is the same with either sign
    if len(found) == 0:
        return 1.0
    rng = generator(seed, "sign flips")
    observed = abs(found.sum())
    # Equal sums may differ in the last bits, and must count as equal.
    reach = observed - 1e-12 * np.abs(found).sum()
    step = max(1, CELLS // len(found))
    as_far = 0
    for start in range(0, n, step):
        flips = _coins(rng, min(step, n - start), len(found))
        as_far += int((np.abs(2 * (flips @ found) - found.sum()) >= reach).sum())
    return (1 + as_far) / (1 + n)


def holm(p_values: ArrayLike) -> PerUser:
    """P-values adjusted for having looked at several, in the given order.

    The i-th smallest of m is multiplied by m - i + 1 (i from 1), kept ascending and at most 1.

    Source: Holm (1979).
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise DataError(complain("p-values in 0..1", "others", "holm"))
    order = np.argsort(p, kind="stable")
    scaled = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    out = np.empty_like(p)
    out[order] = np.minimum(scaled, 1.0)
    return out


def check_resampling(n: int, level: float) -> None:
    """Refuse too few resamples, or a coverage that is none."""
    if n < 100 or not 0 < level < 1:
        raise SpecError(complain("n >= 100 resamples and 0 < level < 1", f"n = {n}, level = {level}"))


def draw_counts(rng: np.random.Generator, rows: int, n_users: int) -> PerUser:
    """Draw the count of each user in each resample, float64 (rows, n_users)."""
    times = np.empty((rows, n_users))
    for row, drawn in zip(times, rng.integers(0, n_users, size=(rows, n_users)), strict=True):
        row[:] = np.bincount(drawn, minlength=n_users)
    return times


def _coins(rng: np.random.Generator, rows: int, width: int) -> PerUser:
    bits = np.unpackbits(np.frombuffer(rng.bytes(rows * (-(-width // 8))), dtype=np.uint8))
    return bits.reshape(rows, -1)[:, :width].astype(np.float64)


def _quantiles(means: PerUser, tail: float) -> tuple[float, float]:
    known = means[np.isfinite(means)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def _difference(a: ArrayLike, b: ArrayLike) -> PerUser:
    first, second = _finite(a, "a"), _finite(b, "b")
    if first.shape != second.shape:
        found = f"{len(first)} and {len(second)} values"
        raise DataError(complain("the same users in a and b", found, fix="evaluate both on one split"))
    return first - second


def _finite(values: Any, where: str) -> PerUser:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or len(found) == 0:
        raise DataError(complain("one value a user, at least one user", f"shape {found.shape}", where))
    if not np.isfinite(found).all():
        bad = f"{int((~np.isfinite(found)).sum())} NaN or infinite"
        fix = "take the users for whom both are defined, and say so"
        raise DataError(complain("finite values", bad, where, fix))
    return found
