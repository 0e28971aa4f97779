"""Do posters say more about new films than genres alone? ml-1m, a fifth of the films new, five seeds."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import arms
import missing_modality
import shape

import sidelight as sl


def main() -> None:
    """Compare genres with genres and posters."""
    run = shape.start("posters", options=_options)
    split = missing_modality.read(run.data)
    genres = sl.Tags("genres")
    base = replace(arms.primary("ml-1m"), content=(genres,))
    found = sl.compare(
        split, {"genres": base, "genres_and_posters": replace(base, content=(genres, sl.Image("poster")))},
        seeds=run.seeds, part="test", final=True, groups=(), folder=run.folder,
        log=run.out.with_suffix(".openings.jsonl"),
    )  # fmt: skip
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for each in found.figures():
        if each.metric in ("ndcg@20", "recall@20"):
            key = f"{each.arm}.{each.slice}.{each.metric}"
            figures[key], intervals[key] = each.mean, (each.low, each.high)
    for each in found.differences():
        key = f"difference.{each.slice}.ndcg@20"
        figures[key], intervals[key] = each.mean, (each.low, each.high)
    seconds = sum(each["seconds"] for each in found.to_dict()["runs"])
    shape.emit(
        "posters", figures, intervals, seconds=seconds, peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=split.data.fingerprint, seeds=run.seeds,
        models={name: repr(spec) for name, spec in found.arms.items()},
    )  # fmt: skip


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("comparisons/posters"))


if __name__ == "__main__":
    main()
