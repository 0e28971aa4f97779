"""Do small changes leave the answer as it is? A word less in every title, a tenth less of every history.

citeulike-a, ALDI split, with and without the consistency task, everything else equal: items known by
their titles, and by titles and citations, taken as known at launch (titles alone change). Lists of 20
before and after a change are compared by rank-biased overlap (p = 0.9). As served, an item that was
trained keeps its vector until the next training, and all others are placed again by their new
titles; `word_less_placed_again` is the harder case in which every item is placed again.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import altered
import arms
import numpy as np
import polars as pl
import scipy.sparse as sp
import shape
import torch

import sidelight as sl
from sidelight.evaluation.rank_overlap import rank_biased_overlap
from sidelight.experiment.bootstrap import crossed_intervals
from sidelight.seeding import generator
from sidelight.training.validation_scores import TowerScores

NAME = "citeulike-a"
PEOPLE = 2000
TASK = sl.Consistency(weight=3.0, words=0.15, clicks=0.15, fields=0.0, user=1.0)
CONTENTS = {
    "titles": arms.CONTENT[NAME],
    "titles and citations": (*arms.CONTENT[NAME], sl.Tags("cites")),
}
MEASURED = ("word_less", "word_less_placed_again", "clicks_less", "ndcg@20")


def word_less(titles: pl.Series, seed: int) -> pl.Series:
    """Every title of two words or more without one of them, drawn at random."""
    rng = generator(seed, "a word less")
    out = []
    for title in titles.to_list():
        words = (title or "").split()
        if len(words) > 1:
            words.pop(int(rng.integers(len(words))))
        out.append(" ".join(words))
    return pl.Series(titles.name, out)


def clicks_less(histories: sp.csr_matrix, seed: int) -> sp.csr_matrix:
    """Every history of two events or more without a tenth of them, at least one."""
    rng = generator(seed, "clicks less")
    rows = []
    for at in range(histories.shape[0]):
        items = histories.indices[histories.indptr[at] : histories.indptr[at + 1]]
        gone = max(1, round(0.1 * len(items))) if len(items) > 1 else 0
        rows.append(np.sort(rng.permutation(items)[gone:]))
    ends = np.concatenate([[0], np.cumsum([len(r) for r in rows])])
    flat = np.concatenate(rows)
    return sp.csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=histories.shape)


def main() -> None:
    """Train the models with every seed, and compare their lists before and after."""
    run = shape.start("consistency", options=_options)
    split = arms.SETS[NAME](run.data)
    specs = {key: replace(arms.primary(NAME), content=content) for key, content in CONTENTS.items()}
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for key, base in specs.items():
        _figures(key, _with_and_without(key, base, split, run.seeds), figures, intervals)
    shape.emit(
        "consistency", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=split.data.fingerprint, seeds=run.seeds, people=PEOPLE, part="validation",
        models={key: repr(spec) for key, spec in specs.items()}, task=repr(TASK),
    )  # fmt: skip


def _with_and_without(
    key: str, base: sl.TwoTower, split: sl.Split, seeds: int
) -> dict[str, list[np.ndarray]]:
    """Values per user of everything that is MEASURED, by "arm.measure", one array a seed."""
    space = altered.content(base, split)
    items = split.data.items
    # Through the encoders that were fitted on the titles as they were.
    other = ContentOf(space, items.with_columns(word_less(items["title"], 0)))
    users = np.flatnonzero(split.histories().matrix().getnnz(axis=1) > 1)
    users = np.sort(generator(0, "people").choice(users, PEOPLE, replace=False))
    values: dict[str, list[np.ndarray]] = {}
    for seed in range(seeds):
        for name, spec in (("without", base), ("with", base.with_tasks(TASK))):
            towers = altered.trained(replace(spec, seed=seed), split, space)
            found = _measured(towers, split, other, users)
            for what, each in found.items():
                values.setdefault(f"{name}.{what}", []).append(each)
            line = ", ".join(f"{w} {e.mean():.4f}" for w, e in found.items())
            shape.note(f"{key}, seed {seed}, {name}: {line}")
    return values


class ContentOf:
    """Features of other rows, in the space of the fitted encoders."""

    def __init__(self, space: Any, rows: pl.DataFrame) -> None:
        grown = space.with_items(rows)
        old = space.n_items
        self.features = [type(f)(f.name, f.values[old:], f.present[old:], f.names) for f in grown.features]


def _measured(towers: Any, split: sl.Split, other: ContentOf, users: np.ndarray) -> dict[str, np.ndarray]:
    """Values per user of everything that is MEASURED."""
    histories = split.histories().matrix()[users]
    plain = altered.scores(towers)
    again = altered.scores(towers, other.features)
    touched = towers.touched[:, None]
    served = TowerScores(towers, torch.where(touched, plain.vectors, again.vectors))
    before = altered.lists(plain, split, users, histories)

    def overlap(model: TowerScores, asked: sp.csr_matrix = histories) -> np.ndarray:
        return rank_biased_overlap(before, altered.lists(model, split, users, asked), 0.9)

    ndcg = sl.evaluate(plain, split, ks=(20,), metrics=("ndcg",)).values["overall"]["ndcg@20"]
    found = (overlap(served), overlap(again), overlap(plain, clicks_less(histories, 0)), ndcg)
    return dict(zip(MEASURED, found, strict=True))


def _figures(
    key: str,
    values: dict[str, list[np.ndarray]],
    figures: dict[str, float],
    intervals: dict[str, tuple[float, float]],
) -> None:
    for what in MEASURED:
        both = {name: np.stack(values[f"{name}.{what}"]) for name in ("without", "with")}
        rows = {**both, "with_minus_without": both["with"] - both["without"]}
        for name, each in rows.items():
            found = crossed_intervals(each[None])[0]
            figures[f"{key}.{name}.{what}"] = found.mean
            intervals[f"{key}.{name}.{what}"] = (found.low, found.high)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=5)


if __name__ == "__main__":
    main()
