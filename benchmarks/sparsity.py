"""What auxiliary tasks add as clicks get fewer: four data sets, five levels of sparsity, five seeds.

Each arm is fitted on 100, 50, 20, 10 and 5 % of the training events; people and what they chose on
test stay the same. Runs are kept in --folder, so that the benchmark goes on where it was cut off.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import arms
import shape

import sidelight as sl

LEVELS = (1.0, 0.5, 0.2, 0.1, 0.05)
SLICES = ("overall", "cold", "warm")


def main() -> None:
    """Compare on every set, and count the cells in which the augmented model wins or loses."""
    run = shape.start("sparsity", options=_options)
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    prints: dict[str, str] = {}
    seconds = 0.0
    for name in run.sets:
        split = arms.SETS[name](run.data)
        prints[name] = split.data.fingerprint
        found = sl.compare(
            split, {"primary": arms.primary(name), "augmented": arms.augmented(name)}, seeds=run.seeds,
            part="test", final=True, keep=LEVELS, folder=run.folder / name, groups=(),
            log=run.folder / f"{name}.openings.jsonl", progress=arms.progress(name),
        )  # fmt: skip
        seconds += sum(each["seconds"] for each in found.to_dict()["runs"])
        _collect(found, name, figures, intervals)
    models = {name: repr(arms.augmented(name)) for name in run.sets}
    joined, before = shape.join(
        run.join, {"figures": figures, "intervals": intervals, "data": prints, "models": models}
    )
    _bars([name for name in arms.SETS if name in prints], figures, intervals)
    shape.emit(
        "sparsity", figures, intervals, seconds=seconds + before, peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=prints, seeds=run.seeds, models=models, joined=joined,
        command=shape.whole("sparsity", prints),
    )  # fmt: skip


def _collect(
    found: sl.Comparison, name: str, figures: dict[str, float], intervals: dict[str, tuple[float, float]]
) -> None:
    for each in found.figures():
        if each.metric == "ndcg@20" and each.slice in SLICES:
            figures[f"{name} {each.keep:.0%}.{each.slice}.{each.arm}"] = each.mean
    for each in found.differences():
        if each.slice in SLICES:
            key = f"{name} {each.keep:.0%}.{each.slice}.difference"
            figures[key] = each.mean
            intervals[key] = (each.low, each.high)


def _bars(sets: list[str], figures: dict[str, float], intervals: dict[str, tuple[float, float]]) -> None:
    cells = [intervals[f"{name} {keep:.0%}.overall.difference"] for name in sets for keep in LEVELS]
    figures["cells"] = len(cells)
    figures["cells_above_zero"] = sum(low > 0 for low, _ in cells)
    figures["cells_below_zero"] = sum(high < 0 for _, high in cells)
    for name in sets:
        gain = {k: figures[f"{name} {k:.0%}.overall.difference"] for k in (1.0, 0.1)}
        base = {k: figures[f"{name} {k:.0%}.overall.primary"] for k in (1.0, 0.1)}
        figures[f"gain_at_10%_minus_twice_that_at_100%:{name}"] = gain[0.1] - 2 * gain[1.0]
        figures[f"relative_gain_at_100%:{name}"] = gain[1.0] / base[1.0]
        figures[f"relative_gain_at_10%:{name}"] = gain[0.1] / base[0.1]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="*", default=list(arms.SETS), choices=list(arms.SETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("comparisons/sparsity"))
    parser.add_argument("--join", nargs="+", type=Path, default=[], help="results on other sets to add")


if __name__ == "__main__":
    main()
