"""Closed forms on amazon-beauty under the published leave-last-out protocol, and what the history is worth.

Each user's last item is the test, the one before it validation. Options are chosen on validation, by
NDCG@10, from a grid of six for each model. The test part is then judged in three ways, each opened once
a model: the history is what the model was fitted on (training); the validation item is in the history
as well, as in published figures; and the model with the chosen options is fitted again on training and
validation. With one relevant item a user, recall@10 is HR@10.
"""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import arms
import shape

import sidelight as sl
from sidelight.evaluation.statistics import paired_bootstrap
from sidelight.models.refit import refit

NAME, K = "amazon-beauty", 10
METRICS = (f"hit_rate@{K}", f"ndcg@{K}")
CONTENT = arms.CONTENT[NAME]
GRID: dict[str, dict[str, Any]] = {
    "EASE": {f"reg {reg:g}": sl.EASE(reg=reg) for reg in (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)},
    "ItemKNN": {
        f"shrink {s:g}, hub {h:g}": sl.ItemKNN(shrink=s, hub=h)
        for s, h in product((1.0, 10.0, 100.0), (0.0, 0.3))
    },
    "HybridKNN": {
        f"weight {w:g}, shrink 10, hub {h:g}": sl.HybridKNN(CONTENT, weight=w, shrink=10.0, hub=h)
        for w, h in product((0.3, 1.0, 3.0), (0.0, 0.3))
    },
}
TRAIN, BOTH, REFIT = "history of training", "validation in the history", "refitted on both"
ABOUT = """Published leave-last-out split of amazon-beauty, full ranking; HR@10 is recall@10 here.
Published on the same split, HR@10 / NDCG@10, all of them models of the sequence: SASRec .0605 / .0318,
DuoRec .0845 / .0443, SASRec with sampled softmax .0921 / .0531, BSARec's own log .1008 / .0611. The models
below know which items a user has and not in which order."""


def search(specs: dict[str, Any], split: sl.Split) -> tuple[str, Any, dict[str, float]]:
    """Options with the best NDCG@10 on validation, their model, and the figures of all of them."""
    figures: dict[str, float] = {}
    best, kept = "", None
    for options, spec in specs.items():
        model = spec.fit(split)
        found = sl.evaluate(model, split, ks=(K,), metrics=("ndcg",)).figures()[f"overall.ndcg@{K}"]
        shape.note(f"{type(spec).__name__}, {options}: validation NDCG@{K} {found:.4f}")
        if found > max(figures.values(), default=-1.0):
            best, kept = options, model
        figures[options] = found
    return best, kept, figures


def main() -> None:
    """Choose on validation, open the test part once for each model and protocol."""
    run = shape.start("beauty_protocol")
    split = arms.SETS[NAME](run.data)
    test = {
        "part": "test", "final": True, "ks": (K,), "metrics": ("hit_rate", "ndcg"),
        "log": run.out.with_suffix(".openings.jsonl"),
    }  # fmt: skip
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    chosen, validation, seconds, users = {}, {}, {}, 0

    def keep(name: str, found: sl.Evaluation) -> sl.Evaluation:
        for metric, interval in found.intervals(slices=("overall",)).items():
            metric = metric.removeprefix("overall.")
            if metric in METRICS:
                figures[f"{name}.{metric}"] = interval.mean
                intervals[f"{name}.{metric}"] = (interval.low, interval.high)
                shape.note(f"{name} {metric} {interval}")
        return found

    def gap(name: str, a: sl.Evaluation, b: sl.Evaluation) -> None:
        # By hand: `differences` refuses other histories, and here the history is the question.
        for metric in METRICS:
            found = paired_bootstrap(a.values["overall"][metric], b.values["overall"][metric])
            figures[f"{name}.{metric}"] = found.mean
            intervals[f"{name}.{metric}"] = (found.low, found.high)

    for name, specs in GRID.items():
        chosen[name], model, tried = search(specs, split)
        validation |= {f"{name}, {options}": {f"NDCG@{K}": value} for options, value in tried.items()}
        first = keep(f"{name}.{TRAIN}", sl.evaluate(model, split, history="train", **test))
        both = keep(f"{name}.{BOTH}", sl.evaluate(model, split, history="train+validation", **test))
        users = len(first.users["overall"])
        start = time.perf_counter()
        model = refit(specs[chosen[name]], split)
        seconds[name] = time.perf_counter() - start
        again = keep(f"{name}.{REFIT}", sl.evaluate(model, split, **test))
        gap(f"{name}.{BOTH}, difference", both, first)
        gap(f"{name}.{REFIT}, difference", again, both)
    shape.emit(
        "beauty_protocol", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=split.data.fingerprint, about=ABOUT, users=users, chosen=chosen,
        seconds_of_a_refit=seconds, validation=validation,
    )  # fmt: skip


if __name__ == "__main__":
    main()
