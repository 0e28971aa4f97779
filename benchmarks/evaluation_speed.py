"""What judging costs beside scoring: 5,551 users x 16,980 items, every metric, three slices.

The scores are those of a linear model, a sparse history times a dense 16,980 x 16,980 matrix, on one
thread. `total_ratio` is the time of `evaluate` over the time of making the same scores alone;
`judging_ratio` is what `evaluate` adds, over the same. Medians of alternating runs; synthetic data.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass, field

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import polars as pl
import scipy.sparse as sp
import shape

from sidelight.content.features import Features
from sidelight.data.dataset import Dataset
from sidelight.data.histories import Histories, matrix_of
from sidelight.data.interactions import Interactions
from sidelight.data.schema import Column, Schema
from sidelight.data.split.split import Split
from sidelight.evaluation.evaluate import block_rows, evaluate

NAME = "evaluation_speed"
USERS, ITEMS, COLD = 5_551, 16_980, 0.2
HISTORY, RELEVANT, CATEGORIES, DIM = 14, 6, 30, 384  # the first two: medians, as of citeulike-a


@dataclass
class Linear:
    """Sparse history times dense weights, with a clock."""

    weights: np.ndarray
    seconds: list[float] = field(default_factory=list)

    def score(self, histories: Histories | sp.csr_matrix) -> np.ndarray:
        """Scores float32 (n_rows, n_items)."""
        start = time.perf_counter()
        out = matrix_of(histories) @ self.weights
        self.seconds.append(time.perf_counter() - start)
        return out


def make(seed: int = 0) -> tuple[Split, Features, Features, Linear]:
    """A split of that size with skewed popularity and activity, and 20 % cold items."""
    rng = np.random.default_rng(seed)
    cold = rng.permutation(ITEMS) < COLD * ITEMS
    taste = rng.lognormal(0.0, 0.8, ITEMS)
    warm = taste * ~cold / (taste * ~cold).sum()
    history = rng.lognormal(np.log(HISTORY), 1.0, USERS).astype(int).clip(4, 254)
    relevant = np.maximum(2, rng.poisson(RELEVANT, USERS))
    parts = []
    for share, sizes in ((warm, history), (taste / taste.sum(), relevant)):
        user = np.repeat(np.arange(USERS), sizes)
        parts.append((user, rng.choice(ITEMS, len(user), p=share)))
    pairs = np.unique(np.concatenate([u.astype(np.int64) * ITEMS + i for u, i in parts]))
    trained = np.isin(pairs, parts[0][0].astype(np.int64) * ITEMS + parts[0][1])
    user, item = np.divmod(pairs, ITEMS)
    events = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(pairs), np.float32))
    brands = [str(b) for b in rng.integers(0, CATEGORIES, ITEMS)]
    items = pl.DataFrame({"item_id": np.arange(ITEMS), "brand": brands})
    schema = Schema(items=(Column("item_id", "item_id"), Column("brand", "category")))
    users = pl.DataFrame({"user_id": np.arange(USERS)})
    data = Dataset(events, np.arange(ITEMS), np.arange(USERS), items, users, schema)
    rows = np.flatnonzero(trained), np.flatnonzero(~trained), np.empty(0, dtype=np.int64)
    split = Split(data, *rows, candidates=np.ones(ITEMS, bool), cold=cold, simulated=np.zeros(ITEMS, bool))
    present = rng.random(ITEMS) < 0.95
    vectors = rng.standard_normal((ITEMS, DIM), dtype=np.float32) * present[:, None]
    brand = np.array(brands, dtype=int)
    ones = np.ones(ITEMS, np.float32)
    categories = sp.csr_matrix((ones, (np.arange(ITEMS), brand)), shape=(ITEMS, CATEGORIES))
    everywhere = np.ones(ITEMS, bool)
    weights = rng.standard_normal((ITEMS, ITEMS), dtype=np.float32)
    return (
        split,
        Features("vector", vectors, present),
        Features("brand", categories, everywhere),
        Linear(weights),
    )


def main() -> None:
    """Alternate scoring alone and evaluating, and report the medians."""

    def options(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--repeats", type=int, default=5)

    run = shape.start(NAME, options=options, needs_data=False)
    split, content, categories, model = make()
    users = np.flatnonzero(np.diff(split.truth().indptr))
    histories = split.histories().matrix()[users]
    step = block_rows(ITEMS)
    alone, total = [], []
    for repeat in range(run.repeats):
        model.seconds.clear()
        for start in range(0, len(users), step):
            model.score(histories[start : start + step])
        alone.append(sum(model.seconds))
        start = time.perf_counter()
        found = evaluate(model, split, content=content, categories=categories)
        total.append(time.perf_counter() - start)
        print(
            f"run {repeat + 1}: scores alone {alone[-1]:.2f} s, evaluate {total[-1]:.2f} s", file=sys.stderr
        )
    ratios = np.array(total) / np.array(alone)
    figures = {
        "scores.seconds": float(np.median(alone)),
        "evaluate.seconds": float(np.median(total)),
        "evaluate.total_ratio": float(np.median(ratios)),
        "evaluate.judging_ratio": float(np.median(ratios - 1)),
        "evaluate.slices": float(len(found.slices)),
        "evaluate.figures": float(len(found.figures())),
    }
    shape.emit(NAME, figures, {}, run.seconds(), shape.peak_mb(), run.out, "synthetic, seed 0")


if __name__ == "__main__":
    main()
