"""A ledger of signals: each shipped part alone against none, with all clicks and with a tenth of them.

Every auxiliary task, weighting rule, gradient combiner, sampling rule and input beside the history has
a row on two data sets: the gain in NDCG@20 with its interval, how much of the lists it changed, and
what it costs in seconds. Parts stand at their defaults. Parts that join losses (weightings,
combiners, draws) are measured on a fixed pair of tasks against fixed weights and a plain sum.

Training and validation are thinned alike; the test part is judged. Runs are kept in --folder, so that
the ledger goes on where it was cut off, and two processes may share it if they take other --sets.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import arms
import numpy as np
import polars as pl
import shape

import sidelight as sl
from sidelight import tasks, weighting
from sidelight.datasets.groceries import groceries
from sidelight.evaluation.evaluation_table import aligned
from sidelight.experiment import runs
from sidelight.experiment.figures import Contrast, contrasts
from sidelight.experiment.run_arm import EvaluationPlan, Runner
from sidelight.experiment.runs import Run
from sidelight.option_types import hints
from sidelight.training.gradient_aggregation import RULES

LEVELS = (1.0, 0.1)
METRIC, SLICES = "ndcg@20", ("overall", "cold", "warm")
NONE = "none"

# Lexical content only: no encoder has to be run, and a fit takes seconds.
CONTENT = {
    "amazon-industrial": (sl.Text("title"), sl.Categories("brand")),
    "ml-1m": (sl.Text("text"), sl.Tags("genres"), sl.Tags("directors")),
    "groceries": (sl.Text("title"), sl.Categories("department", "maker")),
}
LABELS = {
    "amazon-industrial": sl.LabelPrediction(sl.Categories("brand")),
    "ml-1m": sl.LabelPrediction(sl.Tags("actors")),
    "groceries": sl.LabelPrediction(sl.Categories("type")),
}
ATTRIBUTE = {"ml-1m": "occupation", "groceries": "household_size"}
SENSITIVE = {"ml-1m": "gender", "groceries": "income"}
# Sensitive columns are let in here to see what they can do at most.
PEOPLE = {
    "ml-1m": sl.Categories("gender", "age_group", "occupation"),
    "groceries": sl.Categories("age", "income", "household_size", "kids_count"),
}
MOMENTS = sl.Categories("hour", "weekday")
OPTIONS = sl.TrainingOptions(
    epochs=8, patience=3, lr=3e-3, batch_size=256, task_items=512, input_share=(0.3, 0.9),
    validation_users=1000
)  # fmt: skip
ITEMS, PEOPLE_SETS = ("amazon-industrial", "ml-1m"), ("ml-1m", "groceries")

Spec = sl.TwoTower


def alone(name: str) -> Spec:
    """The model without any part."""
    return sl.TwoTower(CONTENT[name], dim=64, dropout=(0.5, 0.6, 0.0), options=OPTIONS)


def pair(name: str) -> Spec:
    """The model with the two tasks that weightings, combiners and draws are measured on."""
    return alone(name).with_tasks(sl.ContentNeighbours(), LABELS[name], weighting=sl.Fixed())


@dataclass(frozen=True)
class Row:
    """A part of the package, and what it is measured against.

    Args:
        arm: From the name of a set to the model with the part; None for what others are measured
            against.
        base: The same without it.
        sets: Two sets on which it can act.
    """

    arm: Callable[[str], Spec] | None
    base: Callable[[str], Spec] = alone
    sets: tuple[str, ...] = ITEMS


def _with(task: Callable[[str], Any], name: str) -> Spec:
    return alone(name).with_tasks(task(name))


def _task(task: Callable[[str], Any], sets: tuple[str, ...] = ITEMS) -> Row:
    return Row(partial(_with, task), sets=sets)


def _joined(sets: tuple[str, ...] = ITEMS, **changes: Any) -> Row:
    return Row(lambda name: replace(pair(name), **changes), pair, sets)


ROWS = {
    "task Alignment": _task(lambda name: sl.Alignment()),
    "task Clustering": _task(lambda name: sl.Clustering()),
    "task Consistency": _task(lambda name: sl.Consistency()),
    "task ContentNeighbours": _task(lambda name: sl.ContentNeighbours()),
    "task Contrastive": _task(lambda name: sl.Contrastive()),
    "task CrossModalPrediction": _task(lambda name: sl.CrossModalPrediction()),
    "task Decorrelation": _task(lambda name: sl.Decorrelation()),
    "task Distillation": _task(lambda name: sl.Distillation(sl.Ridge(CONTENT[name], reg=50.0))),
    "task GateSparsity": _task(lambda name: sl.GateSparsity()),
    "task LabelPrediction": _task(lambda name: LABELS[name], PEOPLE_SETS),
    "task MaskedAttributes": _task(lambda name: sl.MaskedAttributes()),
    "task NextContent": _task(lambda name: sl.NextContent()),
    "task NoiseTask": _task(lambda name: sl.NoiseTask()),
    "task PopularityTask": _task(lambda name: sl.PopularityTask()),
    "task Reconstruction": _task(lambda name: sl.Reconstruction()),
    "task SensitiveRemoval": _task(lambda name: sl.SensitiveRemoval(SENSITIVE[name]), PEOPLE_SETS),
    "task UserAttribute": _task(lambda name: sl.UserAttribute(ATTRIBUTE[name]), PEOPLE_SETS),
    "weighting Fixed": Row(None),
    "weighting ForkMerge": _joined(schedule=sl.ForkMerge()),
    "weighting NormBalance": _joined(weighting=sl.NormBalance()),
    "weighting Uncertainty": _joined(weighting=sl.Uncertainty()),
    "weighting ValidationGuided": _joined(weighting=sl.ValidationGuided()),
    "combine Sum": Row(None),
    "combine UPGrad": _joined(combine=sl.GradientAggregation("UPGrad")),
    "combine DualProj": _joined(combine=sl.GradientAggregation("DualProj")),
    "combine AlignedMTL": _joined(combine=sl.GradientAggregation("AlignedMTL")),
    "combine PCGrad": _joined(combine=sl.GradientAggregation("PCGrad")),
    "combine MGDA": _joined(combine=sl.GradientAggregation("MGDA")),
    "combine IMTLG": _joined(combine=sl.GradientAggregation("IMTLG")),
    "draw uniform": Row(None),
    "draw richness": _joined(PEOPLE_SETS, options=replace(OPTIONS, task_sampling="richness")),
    "input users": Row(
        lambda name: replace(alone(name), users=(PEOPLE[name],), sensitive=True), sets=PEOPLE_SETS
    ),
    "input context": Row(lambda name: replace(alone(name), context=(MOMENTS,)), sets=PEOPLE_SETS),
}
# Fields of a two-tower model that bring in no signal of their own.
SHAPE = {"content", "tasks", "weighting", "combine", "options"}  # tasks and rules have rows by class
SHAPE |= {"dim", "user_encoder", "dropout", "seed", "sensitive", "objective", "schedule", "item_parts"}
SHAPE |= {"floor", "screen"}  # measured by few_clicks and noise_modality


def shipped() -> set[str]:
    """Every part that the package ships, found by looking: a new file is a new name here."""
    found = {f"task {name}" for name in specs(tasks, "build", "uses_clicks")}
    found |= {f"weighting {name}" for name in specs(weighting, "every", "needs")}
    found.add("weighting ForkMerge")  # a schedule that takes the place of a weighting
    found |= {f"combine {rule}" for rule in RULES}
    found |= {f"draw {rule}" for rule in draws()}
    inputs = {field.name for field in dataclasses.fields(sl.TwoTower)} - SHAPE
    return found | {f"input {name}" for name in inputs}


def specs(room: ModuleType, *members: str) -> Iterator[str]:
    """Names of the dataclasses in the files of a room that have all these members."""
    for file in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
        module = importlib.import_module(file.name)
        for name, kind in vars(module).items():
            own = dataclasses.is_dataclass(kind) and getattr(kind, "__module__", "") == module.__name__
            if own and not name.startswith("_") and all(hasattr(kind, member) for member in members):
                yield name


def draws() -> list[str]:
    """What `TrainingOptions.task_sampling` may be, as its annotation names them."""
    return list(get_args(hints(sl.TrainingOptions)["task_sampling"]))


def films(folder: Path) -> sl.Split:
    """Ratings of 4 and 5 of 1,500 users, drawn with seed 0; a fifth of the films is new."""
    place = folder / "ml-1m"
    people = pl.read_parquet(place / "users.parquet").sample(1500, seed=0)
    events = pl.read_parquet(place / "interactions.parquet").filter(pl.col("rating") >= 4).drop("rating")
    events = events.join(people.select("user_id"), on="user_id", how="semi")
    items = pl.read_parquet(place / "items.parquet").drop("imdb_rating", "imdb_votes")
    data = sl.from_frames(events, items=items, users=people)
    return sl.split.cold_items(data, share=0.2, warm=0.1)


def shop(folder: Path) -> sl.Split:
    """The demo's year of groceries, split by time; demographics are known for a third of the households."""
    if not (folder / "interactions.csv").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        groceries(folder)
    return sl.split.temporal(sl.read(folder))


def main() -> None:
    """Measure each row, print it when it is there, and write the ledger when it is whole."""
    run = shape.start("ledger", options=_options)
    if odd := sorted(shipped() ^ set(ROWS)):  # and torch is imported before any clock runs
        raise SystemExit(f"expected one row for each shipped part; found {odd} without; see ROWS")
    benches = cache(partial(_bench, run))
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    lines: list[list[str]] = []
    wanted = [(part, name) for part in run.parts for name in ROWS[part].sets if name in run.sets]
    try:
        for at, (part, name) in enumerate(wanted, 1):
            if ROWS[part].arm is not None:
                shape.note(f"{part} on {name} ({at} of {len(wanted)}, {run.seconds():.0f} s)")
                lines += measure(benches(name), part, name, range(run.seeds), figures, intervals)
                shape.note("\n".join("  ".join(line) for line in lines[-len(LEVELS) :]))
    except KeyboardInterrupt:
        shape.note("cut off: the same command goes on; what follows is what there was time for")
    print("\n".join(aligned([list(HEAD), *lines])))
    done = len(lines) == len(LEVELS) * sum(len(row.sets) for row in ROWS.values() if row.arm is not None)
    figures |= _counts(intervals)
    prints = {name: benches(name).split.data.fingerprint for _, name in wanted}
    shape.emit(
        "ledger", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), data_fingerprint=prints,
        out=run.out if done or run.out != shape.ROOT / shape.RESULTS / "ledger.json" else None,
        seeds=run.seeds, nowhere=", ".join(_nowhere(intervals)) or NONE,
        models={name: repr(alone(name)) for name in prints},
    )  # fmt: skip


def _bench(run: shape.Run, name: str) -> Runner:
    """Split and folder of a data set."""
    makers: dict[str, Callable[[], sl.Split]] = {
        "amazon-industrial": lambda: arms.SETS["amazon-industrial"](run.data),
        "ml-1m": lambda: films(run.data),
        "groceries": lambda: shop(run.folder / "groceries-data"),
    }
    place = runs.begin(run.folder / name)
    ks = (int(METRIC.partition("@")[2]),)
    log = place / "openings.jsonl"
    return Runner(makers[name](), EvaluationPlan("test", True, log, ks, ("ndcg",), ()), place, None)


HEAD = ("part", "set", "clicks", "none ", "gain, one list ", "new items ", "known items ", "changed ", "s ")


def measure(
    bench: Runner,
    part: str,
    name: str,
    seeds: range,
    figures: dict[str, float],
    intervals: dict[str, tuple[float, float]],
) -> list[list[str]]:
    """One part on one set, a line of the table for each share of the clicks."""
    row, lines = ROWS[part], []
    for keep in LEVELS:
        made = {
            NONE: [_run(bench, row.base.__name__, row.base(name), keep, seed) for seed in seeds],
            part: [_run(bench, part, row.arm(name), keep, seed) for seed in seeds],
        }
        grid = {arm: [run.evaluation for run in found] for arm, found in made.items()}
        found = contrasts(grid, keep, NONE, (part,), METRIC)
        gaps = {each.slice: each for each in found if each.slice in SLICES}
        key = f"{part}, {name} {keep:.0%}"
        base = float(np.mean([run.evaluation.figures()[f"overall.{METRIC}"] for run in made[NONE]]))
        spent = {arm: float(np.mean([run.about["seconds"] for run in found])) for arm, found in made.items()}
        changed = _changed(made[NONE], made[part])
        figures |= {f"{key}.overall.none": base, f"{key}.overall.lists changed": changed}
        figures |= {f"{key}.overall.s": spent[part], f"{key}.overall.s more": spent[part] - spent[NONE]}
        for side, gap in gaps.items():
            figures[f"{key}.{side}.gain"] = gap.mean
            intervals[f"{key}.{side}.gain"] = (gap.low, gap.high)
        shown = [_shown(gaps[side]) if side in gaps else "- " for side in SLICES]
        cost = f"{spent[part]:.1f} ({spent[part] - spent[NONE]:+.1f}) "
        lines.append([part, name, f"{keep:.0%}", f"{base:.4f} ", *shown, f"{changed:.0%} ", cost])
    return lines


def _run(bench: Runner, arm: str, spec: Spec, keep: float, seed: int) -> Run:
    return bench.run(spec, keep, seed, bench.folder / runs.RUNS / runs.run_name(arm, keep, seed))


def _changed(base: list[Run], other: list[Run]) -> float:
    """Share of the listed items that the lists without the part do not hold."""
    shares = []
    for run, another in zip(base, other, strict=True):
        lists, others = run.evaluation.items, another.evaluation.items
        kept = [np.isin(b[b >= 0], a).sum() for a, b in zip(lists, others, strict=True)]
        shares.append(1 - sum(kept) / (others >= 0).sum())
    return float(np.mean(shares))


def _shown(gap: Contrast) -> str:
    mark = "*" if gap.low > 0 or gap.high < 0 else " "
    return f"{gap.mean:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]{mark}"


def _counts(intervals: dict[str, tuple[float, float]]) -> dict[str, float]:
    """How many cells of the one list are clearly above and below 0."""
    cells = [ends for key, ends in intervals.items() if key.endswith("overall.gain")]
    return {
        "cells": len(cells),
        "cells_above_zero": sum(low > 0 for low, _ in cells),
        "cells_below_zero": sum(high < 0 for _, high in cells),
    }


def _nowhere(intervals: dict[str, tuple[float, float]]) -> list[str]:
    """Parts that raised no slice of any cell clearly."""
    best: dict[str, float] = {}
    for key, (low, _) in intervals.items():
        part = key.partition(",")[0]
        best[part] = max(low, best.get(part, low))
    return [part for part, low in best.items() if low <= 0]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", nargs="*", default=list(ROWS), choices=list(ROWS), metavar="PART")
    parser.add_argument("--sets", nargs="*", default=list(CONTENT), choices=list(CONTENT))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("comparisons/ledger"))


if __name__ == "__main__":
    main()
