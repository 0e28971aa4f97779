"""What it costs when text is missing at test time, for models trained with and without modality dropout.

ml-1m with plots (words and sentence vectors), genres, directors, actors and posters. The plots of a
random half of the films are taken away after training; NDCG@20 before and after, on new films and on
one list.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import altered
import arms
import numpy as np
import polars as pl
import shape

import sidelight as sl
from sidelight.content.features import Features
from sidelight.experiment.bootstrap import crossed_intervals
from sidelight.seeding import generator

TEXT = (arms.PLOT.name, arms.PLOT_VECTOR.name)
DROPOUT = 0.6


def read(folder: Path) -> sl.Split:
    """The split of the other benchmarks, with posters."""
    posters = pl.read_parquet(folder / "ml-1m" / "posters_96x144.parquet").rename({"jpeg": "poster"})
    return arms.movielens(folder, posters)


def main() -> None:
    """Train with and without modality dropout, take half of the plots away, and measure."""
    run = shape.start("missing_modality", options=_options)
    split = read(run.data)
    base = replace(arms.primary("ml-1m"), content=(*arms.CONTENT["ml-1m"], sl.Image("poster")))
    words = base.dropout[:2]
    specs = {
        "without_dropout": replace(base, dropout=(*words, 0.0)),
        "with_dropout": replace(base, dropout=(*words, DROPOUT)),
    }
    space = altered.content(base, split)
    gone = generator(0, "films without a plot").random(split.data.n_items) < 0.5
    fewer = [_without(f, gone) if f.name in TEXT else f for f in space.features]
    values: dict[str, list[np.ndarray]] = {}
    for seed in range(run.seeds):
        for name, spec in specs.items():
            towers = altered.trained(replace(spec, seed=seed), split, space)
            for state, features in (("whole", None), ("text_missing", fewer)):
                found = sl.evaluate(altered.scores(towers, features), split, ks=(20,), metrics=("ndcg",))
                for part in ("cold", "overall"):
                    each = found.values[part]["ndcg@20"]
                    values.setdefault(f"{name}.{part}.{state}", []).append(each)
                shape.note(f"seed {seed}, {name}, {state}: {found.figures()['cold.ndcg@20']:.4f}")
    figures, intervals = _figures(values, list(specs))
    shape.emit(
        "missing_modality", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=split.data.fingerprint, seeds=run.seeds, part="validation",
        models={name: repr(spec) for name, spec in specs.items()},
    )  # fmt: skip


def _without(features: Features, gone: np.ndarray) -> Features:
    return Features(features.name, features.values, features.present & ~gone, features.names)


def _figures(
    values: dict[str, list[np.ndarray]], names: list[str]
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for part in ("cold", "overall"):
        costs = {}
        for name in names:
            whole, missing = (np.stack(values[f"{name}.{part}.{s}"]) for s in ("whole", "text_missing"))
            costs[name] = whole - missing
            for state, each in (("whole", whole), ("text_missing", missing), ("cost", costs[name])):
                _put(figures, intervals, f"{name}.{part}.{state}", each)
        # Above zero where dropout at least halves the cost.
        _put(figures, intervals, f"half_minus_with.{part}.cost", costs[names[0]] / 2 - costs[names[1]])
    return figures, intervals


def _put(
    figures: dict[str, float], intervals: dict[str, tuple[float, float]], key: str, each: np.ndarray
) -> None:
    found = crossed_intervals(each[None])[0]
    figures[key], intervals[key] = found.mean, (found.low, found.high)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=5)


if __name__ == "__main__":
    main()
