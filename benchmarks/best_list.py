"""The best list one could serve on a published split: the default blend, its parts, and what each gives it.

The command names a data set and the file of its split; nothing else depends on the set. The blend is the
one of `sl.automatic`: which models, which weights, which decay follows from the schema and from validation.
The arms leave out, one at a time, what it owes to auxiliary signals: labels that content predicts, the
weights of content in the linear autoencoder, links between items that are declared at launch (`--links`),
and untouched items as bridges between others. Validation figures come first; the test part is opened once
for all arms.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import arms
import shape

import sidelight as sl
from sidelight.evaluation.paired_difference import differences
from sidelight.models import components

SLICES = ("cold", "warm", "overall")
ABOUT = """The best published figures on the split of citeulike-a that ALDI uses, recall@20 / NDCG@20:
cold .3601 / .2126, warm .3252 / .2156, overall .2285 / .1747 (LLM-InS, an LLM reads the text)."""


def arms_of(split: sl.Split, new_share: Any) -> dict[str, sl.Blend]:
    """The default blend, and the same without one of its signals at a time."""
    blend = replace(sl.automatic(split), new_share=new_share)
    parts = blend.components

    def changed(*changes: Callable[[Any], Any]) -> sl.Blend:
        found = parts
        for change in changes:
            found = tuple(dict.fromkeys(change(part) for part in found))
        return replace(blend, components=found)

    found = {
        "default": blend,
        "without predicted labels": changed(arms.unlabelled),
        "without L3AE": changed(_clicks_alone),
        "without links": changed(_unlinked),
        "without bridges": changed(_one_step),
        "without any of them": changed(arms.unlabelled, _unlinked, _clicks_alone, _one_step),
    }
    return {name: arm for name, arm in found.items() if name == "default" or arm != blend}


def _clicks_alone(part: Any) -> Any:
    return sl.EASE(reg=part.reg) if isinstance(part, sl.L3AE) else part


def _unlinked(part: Any) -> Any:
    """A part without links, and without labels that links help to predict."""
    if not getattr(part, "content", ()):
        return part
    kept = tuple(_unlinked(each) for each in part.content if not isinstance(each, sl.Links))
    return replace(part, content=kept) if kept else part


def _one_step(part: Any) -> Any:
    return replace(part, steps=1) if isinstance(part, sl.ContentKNN) else part


def main() -> None:
    """Fit every arm once, look at validation, then open the test part."""
    run = shape.start("best_list", options=_options)
    place = run.data / run.set
    data = arms.dataset(place, run.columns, run.late, run.links)
    split = sl.split.published(data, place / run.split)
    fitted: components.Fitted = {}
    log = run.out.with_suffix(".openings.jsonl")
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    validation, seconds, choices = {}, {}, {}
    base = None
    for name, blend in arms_of(split, run.new_share).items():
        if run.arms and name not in ("default", *run.arms):
            continue
        start = time.perf_counter()
        model = blend.fit(split, fitted=fitted)
        seconds[name] = time.perf_counter() - start
        choices[name] = model.choices
        metrics = ("recall", "ndcg")
        validation[name] = sl.evaluate(model, split, ks=run.ks, metrics=metrics).figures()
        found = sl.evaluate(model, split, part="test", ks=run.ks, metrics=metrics, final=True, log=log)
        shape.collect(found.intervals(), f"{name}.", figures, intervals)
        base = found if base is None else base
        if found is not base:
            keys = [f"{side}.ndcg@{run.ks[0]}" for side in SLICES if side in found.slices]
            gaps = {gap.name: gap.interval for gap in differences(base, found, names=keys)}
            shape.collect(gaps, f"default over {name}.", figures, intervals)
        shape.note(f"{name}: {_line(figures, name, run.ks[0])} ({seconds[name]:.0f} s)")
    shape.emit(
        run.out.stem, figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=split.data.fingerprint, about=ABOUT, validation=validation, fit_seconds=seconds,
        choices=choices, set=run.set, split=run.split,
    )  # fmt: skip


def _line(figures: dict[str, float], name: str, k: int) -> str:
    keys = [(side, f"{name}.{side}.recall@{k}", f"{name}.{side}.ndcg@{k}") for side in SLICES]
    return "  ".join(f"{s} {figures[r]:.4f}/{figures[n]:.4f}" for s, r, n in keys if r in figures)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", default="citeulike-a", help="folder of the data set in --data")
    parser.add_argument("--split", default="split_aldi_cold.parquet", help="file in it")
    parser.add_argument("--columns", nargs="+", default=["title"], help="item columns to use")
    parser.add_argument("--late", nargs="*", default=["tags"], help="labels that only old items have")
    parser.add_argument("--links", help="file of links between items that are declared at launch")
    parser.add_argument("--arms", nargs="*", help="arms beside the default; all by default")
    parser.add_argument("--ks", type=int, nargs="+", default=[20])
    parser.add_argument("--new-share", default="validation", help="see sl.Blend: what the protocol wants")


if __name__ == "__main__":
    main()
