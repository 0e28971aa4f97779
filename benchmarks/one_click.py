"""One and ten clicks per user on citeulike-a: the default, no option named, beside each of its parts.

The published splits of CVAE: 1 or 10 training items per user, all others are the test, no validation.
Recall at 50, 100 and 300 over all unseen items. Content is the title; tags are labels of items that
have clicks, which content predicts for the others (`--late`; without an argument there are none). The
test part is opened once per model. `--set` and `--splits` run the same on other data sets whose folder
has interactions, items and such split files.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import arms
import shape

import sidelight as sl
from sidelight.evaluation import differences
from sidelight.models.components import Components, without_floor
from sidelight.models.recommender import Recommender

KS = (50, 100, 300)
# As printed by their authors, the best figure at either length: CDL and CVAE; ItemKNN on abstracts.
PUBLISHED = {"best published": [".0855 / .2168", ".2235 / .4950"]}
LABELS = {"P1": "one click per user", "P10": "ten clicks per user"}


def main() -> None:
    """Measure every part by itself, then the blend of them."""
    run = shape.start("one_click", options=_options)
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    record: dict[str, Any] = {}
    log = run.out.with_suffix(".openings.jsonl")
    place = run.data / run.set
    data = arms.dataset(place, run.columns, run.late)
    for name in run.splits:
        split = sl.split.published(data, place / f"split_cvae_{name}.parquet")
        spec, fitted, singles = sl.automatic(split), {}, {}
        for part in Components.of(spec.components).specs:
            started = time.perf_counter()
            scorer = Components.of((part,), fitted).scorers(split)[0]
            singles[repr(part)] = _measure(Recommender.of(part, scorer, split), split, log)
            figures[f"{name}.{_short(part)}.seconds"] = time.perf_counter() - started
            _collect(f"{name}.{_short(part)}", singles[repr(part)], figures, intervals)
        started = time.perf_counter()
        model = spec.fit(split)
        seconds = time.perf_counter() - started
        found = _measure(model, split, log)
        _collect(f"{name}.default", found, figures, intervals)
        parts = sum(v for k, v in figures.items() if k.startswith(f"{name}.") and k.endswith(".seconds"))
        figures[f"{name}.default.seconds"], figures[f"{name}.default.seconds_over_parts"] = (
            seconds,
            seconds / parts,
        )
        for k in KS:
            best = max(singles.values(), key=lambda e, k=k: e.figures()[f"overall.recall@{k}"])
            name_of = f"overall.recall@{k}"
            gain = differences(found, best, names=[name_of])[0].interval
            figures[f"{name}.default_minus_best_part.recall@{k}"] = gain.mean
            intervals[f"{name}.default_minus_best_part.recall@{k}"] = (gain.low, gain.high)
        record[name] = model.choices
        shape.note(str(model))
    shape.emit(
        "one_click", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint={run.set: data.fingerprint}, choices=record,
        published=PUBLISHED if run.set == "citeulike-a" else {}, labels=LABELS,
    )  # fmt: skip


def _measure(model: Recommender, split: sl.Split, log: Path) -> sl.Evaluation:
    return sl.evaluate(model, split, part="test", ks=KS, metrics=("recall",), final=True, log=log)


def _collect(
    name: str, found: sl.Evaluation, figures: dict[str, float], intervals: dict[str, tuple[float, float]]
) -> None:
    values, ranges = found.figures(), found.intervals()
    for k in KS:
        figures[f"{name}.recall@{k}"] = values[f"overall.recall@{k}"]
        intervals[f"{name}.recall@{k}"] = (
            ranges[f"overall.recall@{k}"].low,
            ranges[f"overall.recall@{k}"].high,
        )
    figures[f"{name}.cold_slots@50"] = values["overall.cold_slots@50"]
    shape.note(f"{name:60s} " + " ".join(f"{values[f'overall.recall@{k}']:.4f}" for k in KS))


def _short(part: Any) -> str:
    content = "+".join(c.name for c in getattr(part, "content", ()))
    reg = f" {part.reg:g}" if hasattr(part, "reg") else ""
    return f"{type(without_floor(part)).__name__}{reg}{' ' + content if content else ''}".replace(".", "_")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", default="citeulike-a")
    parser.add_argument("--splits", nargs="+", default=["P1", "P10"])
    # Abstracts are there for a tenth of the articles, and tags were written by those who saved them.
    parser.add_argument("--columns", nargs="+", default=["title"], help="item columns to use")
    parser.add_argument("--late", nargs="*", default=["tags"], help="labels that old items have")


if __name__ == "__main__":
    main()
