"""Coordinate ascent that starts from a prior and moves only as far as the evidence justifies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

GRID = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
LEAST = 1e-4  # a smaller gain in mean NDCG is not worth a move, however sure it is
CAUTION = 1.0  # standard errors by which a gain must exceed zero
Weights = NDArray[np.float64]
PerUser = NDArray[np.float64]


def gain(better: PerUser, than: PerUser, caution: float = CAUTION) -> float:
    """Compute the lower end of a paired gain: mean(d) - caution * std(d) / sqrt(n), d = better - than.

    Args:
        better, than: float64 (n_users,), the same users in the same order.
        caution: Standard errors to take off.

    Returns:
        -inf for fewer than two users.
    """
    n = len(better)
    if n < 2:
        return -np.inf
    difference = better - than
    return float(difference.mean() - caution * difference.std(ddof=1) / n**0.5)


def coordinate_ascent(
    quality: Callable[[Weights], PerUser],
    start: Weights,
    usable: NDArray[np.bool_],
    alike: Sequence[object] = (),
    grid: Sequence[float] = GRID,
    passes: int = 4,
) -> tuple[Weights, float]:
    """Maximise the mean of a quality per user over weights, from a prior.

    A move is a new value of one weight, one component alone, or two alike components that exchange
    their weights. The best move of each kind is made if its paired gain exceeds zero by `CAUTION`
    standard errors. So few users leave the prior where it is, and many move it to where a plain
    ascent would end. The components are visited in their given order.

    Args:
        quality: From weights (m,) to one value per user, float64 (n_users,).
        start: float64 (m,), the prior.
        usable: bool (m,), components that may have weight.
        alike: Something equal for components that may be exchanged; empty means none are.
        grid: Values to try.
        passes: Rounds over all components at most.

    Returns:
        (weights, gain in mean quality over the start).
    """
    weights = np.where(usable, start, 0.0)
    now = first = quality(weights)
    places = np.flatnonzero(usable).tolist()
    alone = [np.eye(len(usable))[at] for at in places]
    weights, now = improve(quality, weights, now, alone)
    for _ in range(passes):
        before = now
        for at in places:
            tried = [_with(weights, at, value) for value in grid]
            weights, now = improve(quality, weights, now, [w for w in tried if w.any()])
        pairs = [p for p in combinations(places, 2) if alike and alike[p[0]] == alike[p[1]]]
        swaps = [_exchanged(weights, *pair) for pair in pairs if weights[pair[0]] != weights[pair[1]]]
        weights, now = improve(quality, weights, now, swaps)
        if now is before:
            break
    return weights, float(now.mean() - first.mean()) if len(now) else 0.0


def improve(
    quality: Callable[[Weights], PerUser], weights: Weights, now: PerUser, tried: Sequence[Weights]
) -> tuple[Weights, PerUser]:
    """Make the move with the largest sure gain, or none.

    Args:
        quality: From weights to one value per user.
        weights, now: Current weights, and their quality per user.
        tried: Weights to move to.

    Returns:
        (weights, quality per user) after the move; the very objects given where none is made.
    """
    best, found = 0.0, (weights, now)
    for candidate in tried:
        if (candidate == weights).all():
            continue
        value = quality(candidate)
        sure = gain(value, now)
        if sure > best and value.mean() > now.mean() + LEAST:
            best, found = sure, (candidate, value)
    return found


def _with(weights: Weights, at: int, value: float) -> Weights:
    out = weights.copy()
    out[at] = value
    return out


def _exchanged(weights: Weights, a: int, b: int) -> Weights:
    out = weights.copy()
    out[[a, b]] = out[[b, a]]
    return out
