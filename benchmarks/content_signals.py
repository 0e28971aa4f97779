"""What labels of other items and a second step over untouched ones add to content neighbours.

Four data sets, four shares of the training events, the validation part; every arm is in closed form and
nothing is chosen: the options are the defaults. `known` takes the labels themselves as content, where the
schema says that new items have them: the control for what is due to the labels and not to their prediction.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import arms
import shape

import sidelight as sl
from sidelight.data.split.event_splits import subsample
from sidelight.evaluation.paired_difference import differences

LEVELS = (1.0, 0.2, 0.1, 0.05)
SLICES = ("overall", "cold", "warm")
METRIC = "ndcg@20"
LABELS = {
    "citeulike-a": sl.Tags("tags"),
    "amazon-industrial": sl.Categories("brand"),
    "amazon-beauty": sl.Tags("attribute_ids"),
    "ml-1m": sl.Tags("genres", "directors"),
}
BASELINE = "plain"


def specs(name: str) -> dict[str, Any]:
    """The arms of a data set by name."""
    text = (arms.PLOT, arms.PLOT_VECTOR) if name == "ml-1m" else (arms.TITLE, arms.TITLE_VECTOR)
    labels = LABELS[name]
    told = (*text, sl.PredictedLabels(labels, text))
    found = {
        BASELINE: sl.ContentKNN(text),
        "labels": sl.ContentKNN(told),
        "steps": sl.ContentKNN(text, steps=2),
        "both": sl.ContentKNN(told, steps=2),
    }
    if name != "citeulike-a":  # its tags are written after launch
        found["known"] = sl.ContentKNN((*text, labels))
    return found


def main() -> None:
    """Measure every arm against the plain one."""
    run = shape.start("content_signals", options=_options)
    result: dict[str, dict[str, Any]] = {"figures": {}, "intervals": {}, "data": {}, "models": {}}
    for name in run.sets:
        split = arms.SETS[name](run.data)
        result["data"][name] = split.data.fingerprint
        result["models"][name] = repr(specs(name)["both"])
        for keep in run.keep:
            _level(name, keep, split if keep == 1 else subsample(split, keep, run.seed), result)
    seconds = run.seconds()
    joined, before = shape.join(run.join, result)
    shape.emit(
        "content_signals", result["figures"], result["intervals"], seconds=seconds + before,
        peak_mb=shape.peak_mb(), out=run.out, data_fingerprint=result["data"], seed=run.seed,
        models=result["models"], joined=joined, command=shape.whole("content_signals", result["data"]),
    )  # fmt: skip


def _level(name: str, keep: float, split: sl.Split, result: dict[str, dict[str, Any]]) -> None:
    where, base = f"{name} {keep:.0%}", None
    for arm, spec in specs(name).items():
        start = time.perf_counter()
        model = spec.fit(split)
        seconds = time.perf_counter() - start
        found = sl.evaluate(model, split, ks=(20,), metrics=("ndcg", "recall"))
        base = found if arm == BASELINE else base
        means = found.figures()
        slices = [s for s in SLICES if f"{s}.{METRIC}" in means]
        for each in slices:
            result["figures"][f"{where}.{each}.{arm}"] = means[f"{each}.{METRIC}"]
        result["figures"][f"{where}.fit_seconds.{arm}"] = seconds
        if arm != BASELINE and base is not None:
            for d in differences(found, base, names=[f"{s}.{METRIC}" for s in slices]):
                key = f"{where}.{d.name.split('.')[0]}.{arm} difference"
                result["figures"][key] = d.interval.mean
                result["intervals"][key] = (d.interval.low, d.interval.high)
        text = ", ".join(f"{s} {means[f'{s}.{METRIC}']:.4f}" for s in slices)
        shape.note(f"{where}: {arm}: {text} ({seconds:.0f} s)")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="+", choices=arms.SETS, default=list(arms.SETS))
    parser.add_argument("--keep", nargs="+", type=float, default=LEVELS, help="shares of the training events")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of training events")
    parser.add_argument(
        "--join", nargs="+", type=Path, default=[], help="results of other sets, to put beside"
    )


if __name__ == "__main__":
    main()
