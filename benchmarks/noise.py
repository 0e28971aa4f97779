"""What a task of pure noise costs under steered weights, with seeds enough to tell one per cent.

As the first part of `controls`, at a fifth of the clicks, without the arm of fixed weights. The
interval over five seeds is wider than the bar: most of it is how differently one seed ends from another.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import arms
import controls
import shape

import sidelight as sl


def main() -> None:
    """Compare on every set."""
    run = shape.start("noise", options=_options)
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    prints: dict[str, str] = {}
    seconds = 0.0
    for name in run.sets:
        split = arms.SETS[name](run.data)
        prints[name] = split.data.fingerprint
        specs = controls.noise(name)
        found = sl.compare(
            sl.split.subsample(split, controls.KEEP, 0), {a: specs[a] for a in ("primary", "noise_steered")},
            seeds=run.seeds, part="test", final=True, groups=(), folder=run.folder / name,
            log=run.folder / f"{name}.openings.jsonl", progress=arms.progress(name),
        )  # fmt: skip
        seconds += sum(each["seconds"] for each in found.to_dict()["runs"])
        controls.collect(found, name, figures, intervals)
        figures[f"{name}.noise.left_of_the_weight"] = controls.left(found)
    joined, before = shape.join(run.join, {"figures": figures, "intervals": intervals, "data": prints})
    shape.emit(
        "noise", figures, intervals, seconds=seconds + before, peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=prints, seeds=run.seeds, share_of_clicks=controls.KEEP, joined=joined,
        command=shape.whole("noise", prints), bars={"relative_difference": "within .01 of 0"},
    )  # fmt: skip


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sets", nargs="*", default=["citeulike-a", "amazon-industrial"], choices=list(arms.SETS)
    )
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--folder", type=Path, default=Path("comparisons/noise"))
    parser.add_argument("--join", nargs="+", type=Path, default=[], help="results on other sets to add")


if __name__ == "__main__":
    main()
