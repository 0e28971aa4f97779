"""What the order of histories is worth in the list that one would serve.

Published leave-last-out split of amazon-beauty: each user's last item is the test, the one before it
validation. The blend of `sl.automatic` as it is, without sequential rules, and without recency either, its
parts fitted once for all; beside them the rules alone. Weights and decay are chosen on validation, and the
test part is opened once an arm with the validation item in the history. With one relevant item a user,
recall@10 is HR@10. `--set` and `--split` run the same on other sets.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import arms
import shape

import sidelight as sl
from sidelight.evaluation.paired_difference import differences
from sidelight.models import components

K = 10
METRICS = ("hit_rate", "ndcg")
ABOUT = """Published on the split of amazon-beauty, HR@10 / NDCG@10, models of the sequence: SASRec
.0605 / .0318, DuoRec .0845 / .0443, SASRec with sampled softmax .0921 / .0531, BSARec's own log
.1008 / .0611."""


def main() -> None:
    """Fit every arm, and open the test part once for each."""
    run = shape.start("beauty_sequences", options=_options)
    split = arms.published(run.set, run.split, run.data)
    spec = sl.automatic(split)
    rules = next(part for part in spec.components if isinstance(part, sl.SequentialRules))
    unordered = replace(spec, components=tuple(part for part in spec.components if part != rules))
    arms_of = {
        "default": spec,
        "without rules": unordered,
        "all events alike": replace(unordered, recency=False),
        "rules alone": rules,
    }
    found: dict[str, sl.Evaluation] = {}
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    choices: dict[str, Any] = {}
    fitted: components.Fitted = {}
    for name, arm in arms_of.items():
        model = arm.fit(split, fitted=fitted) if isinstance(arm, sl.Blend) else arm.fit(split)
        choices[name] = model.choices
        found[name] = sl.evaluate(
            model, split, part="test", ks=(K,), metrics=METRICS, history="train+validation", final=True,
            log=run.out.with_suffix(".openings.jsonl"),
        )  # fmt: skip
        shape.collect(found[name].intervals(slices=("overall",)), f"{name}.", figures, intervals)
        shape.note(str(model))
    keys = [f"overall.{metric}@{K}" for metric in METRICS]
    for one, other in (("default", "without rules"), ("without rules", "all events alike")):
        gaps = differences(found[one], found[other], names=keys)
        shape.collect({gap.name: gap.interval for gap in gaps}, f"{one} - {other}.", figures, intervals)
    for key, ends in intervals.items():
        shape.note(f"{key} {figures[key]:.4f} [{ends[0]:.4f}, {ends[1]:.4f}]")
    shape.emit(
        "beauty_sequences", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint={run.set: split.data.fingerprint}, choices=choices,
        about=ABOUT if run.set == "amazon-beauty" else "",
    )  # fmt: skip


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", default="amazon-beauty", help="folder of the data set in --data")
    parser.add_argument("--split", default="split_leave_one_out.parquet", help="file in it")


if __name__ == "__main__":
    main()
