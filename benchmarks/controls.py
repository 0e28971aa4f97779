"""Planted controls: what a task of pure noise costs, and steered weights against the best fixed ones.

At a fifth of the clicks. Each arm of the second part may try as many candidates on validation: fixed
weights of a third, one and three times the start, steering from each of the same three.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import arms
import shape

import sidelight as sl

KEEP = 0.2
START = 5.0
FACTORS = (0.3, 1.0, 3.0)


def noise(name: str) -> dict[str, Any]:
    """The primary alone, with noise at a fixed weight, and with noise under steering."""
    base, task = arms.primary(name), sl.NoiseTask(weight=START)
    return {
        "primary": base,
        "noise_fixed": base.with_tasks(task),
        "noise_steered": base.with_tasks(task, weighting=arms.STEERED),
    }


def rules(name: str) -> dict[str, list[Any]]:
    """Candidates of fixed and of steered weights, as many of each."""
    base = arms.primary(name)
    scaled = [[replace(t, weight=f * t.weight) for t in arms.tasks(name)] for f in FACTORS]
    return {
        "fixed": [base.with_tasks(*each) for each in scaled],
        "steered": [base.with_tasks(*each, weighting=arms.STEERED) for each in scaled],
    }


def main() -> None:
    """Measure both parts on every set."""
    run = shape.start("controls", options=_options)
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    prints: dict[str, str] = {}
    chosen: dict[str, str] = {}
    seconds = 0.0
    for name in run.sets:
        split = arms.SETS[name](run.data)
        prints[name] = split.data.fingerprint
        thin = sl.split.subsample(split, KEEP, 0)
        for part, what in (("noise", noise(name)), ("rules", rules(name))):
            found = compared(thin, what, run.seeds, run.folder, name, f"-{part}")
            seconds += sum(each["seconds"] for each in found.to_dict()["runs"])
            collect(found, name, figures, intervals)
            if part == "noise":
                figures[f"{name}.noise.left_of_the_weight"] = left(found, "noise_steered")
            else:
                chosen |= {f"{name}, {arm}": repr(spec.tasks) for arm, spec in found.arms.items()}
    joined, before = shape.join(
        run.join, {"figures": figures, "intervals": intervals, "data": prints, "chosen": chosen}
    )
    shape.emit(
        "controls", figures, intervals, seconds=seconds + before, peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=prints, seeds=run.seeds, share_of_clicks=KEEP, chosen=chosen, joined=joined,
        command=shape.whole("controls", prints),
    )  # fmt: skip


def compared(
    split: sl.Split, specs: dict[str, Any], seeds: int, folder: Path, name: str, part: str = ""
) -> sl.Comparison:
    """Arms on the test part of a set; its openings are logged beside the folder of the comparison."""
    return sl.compare(
        split, specs, seeds=seeds, part="test", final=True, groups=(), folder=folder / f"{name}{part}",
        log=folder / f"{name}.openings.jsonl", progress=arms.progress(f"{name}{part}"),
    )  # fmt: skip


def collect(
    found: sl.Comparison, name: str, figures: dict[str, float], intervals: dict[str, tuple[float, float]]
) -> None:
    """NDCG@20 of the one list, and differences as shares of the baseline."""
    means = {f.arm: f.mean for f in found.figures() if (f.slice, f.metric) == ("overall", "ndcg@20")}
    for arm, mean in means.items():
        figures[f"{name}.ndcg@20.{arm}"] = mean
    base = means[found.baseline]
    for each in found.differences():
        if each.slice == "overall":
            key = f"{name}.relative_difference.{each.arm}_to_{found.baseline}"
            figures[key] = each.mean / base
            intervals[key] = (each.low / base, each.high / base)


def left(found: sl.Comparison, arm: str) -> float:
    """Largest share, over the seeds, of the starting weight of noise that is left at the end."""
    ends = [w["weight"][-1] for w in found.to_dict()["weights"] if w["arm"] == arm]
    return float(max(ends)) / START


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="*", default=list(arms.SETS), choices=list(arms.SETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("comparisons/controls"))
    parser.add_argument("--join", nargs="+", type=Path, default=[], help="results on other sets to add")


if __name__ == "__main__":
    main()
