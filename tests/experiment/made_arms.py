"""Specs and models for comparisons: counting, noisy, and one that notes its events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import sidelight as sl

FITS: list[Any] = []


STOP: list[int] = []


@dataclass(frozen=True)
class Counts:
    """Items that go together with the history; without a seed."""

    popular: float = 0.0

    def fit(self, split: sl.Split, progress: Any = None) -> Scores:
        return fitted(self, split)


@dataclass(frozen=True)
class Noisy:
    """The same with noise that another seed draws anew."""

    noise: float = 0.1
    seed: int = 0
    popular: ClassVar[float] = 0.0

    def fit(self, split: sl.Split, progress: Any = None) -> Scores:
        return fitted(self, split)


@dataclass(frozen=True)
class Scores:
    spec: Any
    table: np.ndarray

    def score(self, histories: sl.Histories) -> np.ndarray:
        return np.asarray(histories.matrix() @ self.table, dtype=np.float32)


def fitted(spec: Any, split: sl.Split) -> Scores:
    if STOP and len(FITS) >= STOP[0]:
        raise KeyboardInterrupt
    FITS.append(spec)
    clicks = split.fitting()
    table = np.asarray((clicks.T @ clicks).todense(), dtype=np.float64)
    table /= np.sqrt(np.outer(np.diag(table) + 1, np.diag(table) + 1))
    rng = np.random.default_rng(getattr(spec, "seed", 0))
    return Scores(spec, table + getattr(spec, "noise", 0.0) * rng.standard_normal(table.shape))


ARMS = {"noisy": Noisy(0.3), "plain": Counts()}


def record(found: sl.Comparison) -> dict[str, Any]:
    """The record without what the clock says."""
    out = found.to_dict()
    clock = {"seconds": 0.0, "milliseconds": 0.0}
    return {**out, "made": "", "runs": [{**run, **clock} for run in out["runs"]]}


@dataclass(frozen=True)
class Watched:
    """Notes how many training and validation events each fit is given."""

    weight: float = 0.0

    def fit(self, split: sl.Split, progress: Any = None) -> Scores:
        SEEN.append((len(split.train), len(split.validation)))
        return fitted(self, split)


SEEN: list[tuple[int, int]] = []
