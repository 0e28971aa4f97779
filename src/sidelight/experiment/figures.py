"""Figures of arms and differences to the baseline, over the users that all runs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from sidelight.evaluation.protocol import same_protocol
from sidelight.evaluation.result import Evaluation
from sidelight.evaluation.statistics import Interval, holm, sign_flip_test
from sidelight.experiment.bootstrap import LEVEL, RESAMPLES, crossed_intervals
from sidelight.experiment.record_schema import verdict

Grid = Mapping[str, Sequence[Evaluation]]
"""Arm to its evaluations for one share of the clicks, one per seed, in the order of seeds."""

MAIN = ("overall", "cold", "warm")
TOTALS = ("coverage", "gini", "popularity_lift")
TINY = 1e-12  # a difference below it is rounding


@dataclass(frozen=True)
class Figure:
    """Mean of one metric over users and seeds.

    Args:
        arm, keep, slice, metric: Arm, share of the clicks, slice and metric of the mean.
        mean: Over users and seeds; None where no user has a value.
        low, high: Ends of the interval; None for figures of all lists together, which have none.
        users: Number of users.
    """

    arm: str
    keep: float
    slice: str
    metric: str
    mean: float | None
    low: float | None
    high: float | None
    users: int


@dataclass(frozen=True)
class Contrast:
    """An arm minus the baseline: the same users, the same seeds.

    Args:
        arm, keep, slice, metric: Arm, share of the clicks, slice and metric of the difference.
        mean, low, high: Mean difference over users and seeds, and its interval.
        p: Two-sided p-value by sign flips of users' differences, each averaged over seeds.
        p_holm: Adjusted for all arms and main slices of the share, or for all arms and groups.
        users: Number of users compared.
        left_out: Number of users that only some runs have in the slice, or without a value.
        up, down: Shares of the users for whom the arm is better, and worse.
    """

    arm: str
    keep: float
    slice: str
    metric: str
    mean: float
    low: float
    high: float
    p: float
    p_holm: float
    users: int
    left_out: int
    up: float
    down: float

    @property
    def verdict(self) -> str:
        """One of "better" and "worse" (interval and adjusted test agree), "few" (users), "unclear"."""
        return verdict(asdict(self), LEVEL)

    def mirrored(self, arm: str) -> Contrast:
        """Return the same difference seen from the other arm: the baseline `arm` minus this one."""
        turned = replace(self, arm=arm, up=self.down, down=self.up)
        return replace(turned, mean=-self.mean, low=-self.high, high=-self.low)


@dataclass(frozen=True, eq=False)
class _Stack:
    """Values float64 (arms, metrics, seeds, users) of the users that all runs have in a slice."""

    values: NDArray[np.float64]
    users: NDArray[np.int64]
    left_out: int

    @classmethod
    def of(cls, grid: Grid, name: str, metrics: Sequence[str]) -> _Stack:
        rows = [each.users[name] for found in grid.values() for each in found]
        users = reduce(np.intersect1d, rows)
        values = np.array(
            [
                [[e.values[name][m][np.searchsorted(e.users[name], users)] for e in found] for m in metrics]
                for found in grid.values()
            ]
        )
        return cls(values, users, len(reduce(np.union1d, rows)) - len(users))


def need_one_split(grid: Grid, keep: float) -> None:
    """Refuse evaluations on different splits or with different histories.

    Args:
        grid: Runs of one share of the clicks.
        keep: That share. Below 1 each seed has a split of its own, the same one for every arm.

    Raises:
        DataError: Two evaluations of one seed differ in that.
    """
    columns = list(zip(*grid.values(), strict=True))
    for column in columns:
        first = columns[0][0] if keep == 1 else column[0]
        for each in column:
            same_protocol(first.info, each.info)


def slices_of(grid: Grid) -> list[str]:
    """Return the slices in which every run has users: the main ones, then subgroups."""
    every = [each for found in grid.values() for each in found]
    names = dict.fromkeys((*MAIN, *every[0].values))
    return [name for name in names if all(name in each.values for each in every)]


def figures(grid: Grid, keep: float) -> list[Figure]:
    """Compute the figures of every arm: accuracy in all slices, and of the lists in the overall one.

    Args:
        grid: Runs of one share of the clicks.
        keep: That share.
    """
    out = []
    for name in slices_of(grid):
        own = ("no_evidence", "history_moved")  # describe one model; more is not better
        metrics = [m for m in next(iter(grid.values()))[0].values[name] if not m.startswith(own)]
        stack = _Stack.of(grid, name, metrics)
        if not len(stack.users):
            continue
        columns = stack.values.reshape(-1, *stack.values.shape[2:])
        pairs = [(arm, metric) for arm in grid for metric in metrics]
        for (arm, metric), found in zip(pairs, _intervals(columns), strict=True):
            figure = (found.mean, found.low, found.high, found.n_users) if found else (None, None, None, 0)
            out.append(Figure(arm, keep, name, metric, *figure))
    return out + _totals(grid, keep)


def _totals(grid: Grid, keep: float) -> list[Figure]:
    """Compute the figures of all lists together, means over seeds."""
    out = []
    for arm, found in grid.items():
        totals = [each.totals.get("overall", {}) for each in found]
        for metric in totals[0]:
            if metric.partition("@")[0] in TOTALS:
                values = np.array([each[metric] for each in totals])
                mean = float(values.mean()) if np.isfinite(values).all() else None
                users = len(found[0].users["overall"])
                out.append(Figure(arm, keep, "overall", metric, mean, None, None, users))
    return out


def contrasts(grid: Grid, keep: float, baseline: str, others: Sequence[str], metric: str) -> list[Contrast]:
    """Compute arms minus the baseline in every slice, before any adjustment.

    Args:
        grid: Runs of one share of the clicks.
        keep: That share.
        baseline: Name of the arm that the others are compared with.
        others: Names of the arms.
        metric: "name@k".
    """
    names, slices = list(grid), slices_of(grid)
    # So many patterns that the smallest p, times the number of tests, is still below 1 - LEVEL.
    patterns = max(RESAMPLES, 40 * len(slices) * (len(names) - 1))
    by_arm: dict[str, list[Contrast]] = {arm: [] for arm in others}
    for name in slices:
        stack = _Stack.of(grid, name, [metric])
        if not len(stack.users) or not others:
            continue
        rows = [names.index(arm) for arm in others]
        gaps = stack.values[rows, 0] - stack.values[names.index(baseline), 0]
        for arm, gap, found in zip(others, gaps, _intervals(gaps), strict=True):
            if found is None:
                continue
            each = gap[:, np.isfinite(gap).all(axis=0)].mean(axis=0)
            out = stack.left_out + len(stack.users) - len(each)
            up, down = float((each > TINY).mean()), float((each < -TINY).mean())
            p = sign_flip_test(np.where(np.abs(each) > TINY, each, 0.0), patterns)
            ends = found.mean, found.low, found.high
            by_arm[arm].append(Contrast(arm, keep, name, metric, *ends, p, p, len(each), out, up, down))
    return [each for found in by_arm.values() for each in found]


def adjusted(found: Sequence[Contrast]) -> list[Contrast]:
    """Adjust the p-values of one share of the clicks for their number (Holm), all arms together.

    The main slices are one family and the groups another: auditing more groups must not make it harder
    to see whether an arm helped.
    """
    main = np.array([each.slice in MAIN for each in found], dtype=bool)
    ps = np.array([each.p for each in found])
    for family in (main, ~main):
        ps[family] = holm(ps[family])
    return [replace(each, p_holm=float(p)) for each, p in zip(found, ps, strict=True)]


def _intervals(columns: NDArray[np.float64]) -> list[Interval | None]:
    """Compute crossed intervals of columns (columns, seeds, users); None where no user has a value.

    A user without a value in one run is left out of that column.
    """
    known = np.isfinite(columns).all(axis=1)
    out: list[Interval | None] = [None] * len(columns)
    masks, which = np.unique(known, axis=0, return_inverse=True)
    for at, mask in enumerate(masks):
        rows = np.flatnonzero(which.ravel() == at)
        if mask.any():
            for row, found in zip(rows, crossed_intervals(columns[rows][:, :, mask]), strict=True):
                out[row] = found
    return out
