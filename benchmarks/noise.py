"""What a task of pure noise costs under steered weights, with seeds enough to tell one per cent.

As the first part of `controls`, at a fifth of the clicks, the task on trial. Over five seeds the interval
is wider than the bar: most of it is how differently one seed ends from another.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import arms
import controls
import shape

import sidelight as sl

SEEDS = {"citeulike-a": 25, "amazon-industrial": 60}  # a fit takes half a minute, and six seconds
ON_TRIAL = replace(arms.STEERED, trial=True)


def main() -> None:
    """Compare on every set."""
    run = shape.start("noise", options=_options)
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    prints: dict[str, str] = {}
    seeds: dict[str, int] = {}
    seconds = 0.0
    for name in run.sets:
        split = arms.SETS[name](run.data)
        prints[name] = split.data.fingerprint
        seeds[name] = run.seeds or SEEDS[name]
        plain = controls.noise(name)["primary"]
        steered = plain.with_tasks(sl.NoiseTask(weight=controls.START), weighting=ON_TRIAL)
        specs = {"primary": plain, "noise_on_trial": steered}
        thin = sl.split.subsample(split, controls.KEEP, 0)
        found = controls.compared(thin, specs, seeds[name], run.folder, name)
        seconds += sum(each["seconds"] for each in found.to_dict()["runs"])
        controls.collect(found, name, figures, intervals)
        figures[f"{name}.noise.left_of_the_weight"] = controls.left(found, "noise_on_trial")
    joined, before = shape.join(
        run.join, {"figures": figures, "intervals": intervals, "data": prints, "seeds": seeds}
    )
    shape.emit(
        "noise", figures, intervals, seconds=seconds + before, peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=prints, seeds=seeds, share_of_clicks=controls.KEEP, joined=joined,
        command=shape.whole("noise", prints), bars={"relative_difference": "within .01 of 0"},
    )  # fmt: skip


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="*", default=list(SEEDS), choices=list(SEEDS))
    parser.add_argument("--seeds", type=int, help="of each set; else as many as tell one per cent")
    parser.add_argument("--folder", type=Path, default=Path("comparisons/noise"))
    parser.add_argument("--join", nargs="+", type=Path, default=[], help="results on other sets to add")


if __name__ == "__main__":
    main()
