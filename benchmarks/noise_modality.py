"""What a modality of pure noise costs: on a planted set and on two real ones, one at a tenth of the clicks.

To the content of a primary two-tower a column of 64 normal numbers an item is added. Measured is NDCG@20
on validation, on one list and on new items, against the same model without the column: with modalities
screened (the default), not screened, and not screened but with `GateSparsity`. Where nothing is screened
out, screening changes nothing. Further the share of draws of such a column that the test leaves out.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import altered
import arms
import numpy as np
import polars as pl
import shape

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.experiment.bootstrap import crossed_intervals
from sidelight.models.content_space import ContentSpace
from sidelight.seeding import generator
from sidelight.towers.modality_evidence import modality_evidence, useful

COLUMNS, DRAWS = 64, 200
SLICES = ("overall", "cold")
PLANTED = (
    sl.Text("title", min_df=1), sl.Text("description", min_df=1), sl.Categories("category"), sl.Tags("tags"),
    sl.Numbers("price"), sl.Vector("vector"),
)  # fmt: skip
SETS = ("planted", "amazon-industrial", "citeulike-a")
KEEP = {"citeulike-a": 0.1}


def read(name: str, folder: Path) -> tuple[sl.Split, sl.TwoTower]:
    """A split with new items in its validation part, and the model without noise."""
    if name == "planted":
        split = sl.split.temporal(make_synthetic(1000, 600, 10_000, seed=0).data)
        spec = sl.TwoTower(PLANTED, dim=64, options=arms.OPTIONS)
    else:
        split, spec = arms.SETS[name](folder), arms.primary(name, dim=64)
    thin = sl.split.subsample(split, KEEP[name], 0) if name in KEEP else split
    return sl.split.selection_split(thin), spec


def main() -> None:
    """Train without the column, with it screened, and with it as any other, and measure."""
    run = shape.start("noise_modality", options=_options)
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    prints: dict[str, str] = {}
    for name in run.sets:
        split, base = read(name, run.data)
        prints[name] = split.data.fingerprint
        space = altered.content(base, split)
        values, gates = measured(name, split, base, space, run.seeds)
        for arm in ("screened", "unscreened", "sparse"):
            figures[f"{name}.largest_gate_of_noise.{arm}"] = max(gates[arm])
        figures[f"{name}.draws_left_out"] = draws_left_out(space, split)
        collect(name, values, figures, intervals)
    shape.emit(
        "noise_modality", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=prints, seeds=run.seeds, part="validation", share_of_clicks=KEEP,
        bars={"relative_difference.screened": "above -.02", "largest_gate_of_noise.screened": "below .05"},
    )  # fmt: skip


def measured(
    name: str, split: sl.Split, base: sl.TwoTower, space: ContentSpace, seeds: int
) -> tuple[dict[str, list[dict[str, np.ndarray]]], dict[str, list[float]]]:
    """For each arm NDCG@20 by slice, and the gate of the last modality over the largest, one entry a seed."""
    values: dict[str, list[dict[str, np.ndarray]]] = {}
    gates: dict[str, list[float]] = {}
    for seed in range(seeds):
        spec, noisy = replace(base, seed=seed), with_noise(space, seed)
        for arm, each, content in (
            ("without", spec, space),
            ("screened", spec, noisy),
            ("unscreened", replace(spec, screen=False), noisy),
            ("sparse", replace(spec, screen=False, tasks=(sl.GateSparsity(),)), noisy),
        ):
            towers = altered.trained(each, split, content)
            found = sl.evaluate(altered.scores(towers), split, ks=(20,), metrics=("ndcg",))
            values.setdefault(arm, []).append({s: found.values[s]["ndcg@20"] for s in SLICES})
            weights = towers.fusion.weights().abs().detach().numpy()
            gates.setdefault(arm, []).append(float(weights[-1] / weights.max()))
            shape.note(f"{name}, seed {seed}, {arm}: {found.figures()['overall.ndcg@20']:.4f}")
    return values, gates


def with_noise(space: ContentSpace, seed: int) -> ContentSpace:
    """The encoded catalogue with one modality more, of normal numbers of unit length."""
    drawn = generator(seed, "noise modality").standard_normal((space.n_items, COLUMNS))
    frame = pl.DataFrame({"noise": pl.Series(drawn.astype(np.float32).tolist(), dtype=pl.List(pl.Float32))})
    encoder: Any = sl.Vector("noise").fit(frame)
    raw = encoder.transform(frame)
    unit = type(raw)(raw.name, raw.normalised(), raw.present)
    centre = np.zeros(COLUMNS, dtype=np.float32)
    return ContentSpace(
        (*space.encoders, encoder), (*space.features, unit), (*space.weights, 1.0), (*space.centres, centre)
    )


def draws_left_out(space: ContentSpace, split: sl.Split) -> float:
    """Share of draws of the column that the test leaves out; no other modality is drawn again."""
    fitting = split.fitting()
    known = modality_evidence(space.features, fitting)
    draws = [modality_evidence(with_noise(space, 1000 + n).features[-1:], fitting, n) for n in range(DRAWS)]
    return float(np.mean([not useful([*known, *each])[-1] for each in draws]))


def collect(
    name: str,
    values: dict[str, list[dict[str, np.ndarray]]],
    figures: dict[str, float],
    intervals: dict[str, tuple[float, float]],
) -> None:
    """NDCG@20 by slice, and differences as shares of the model without noise."""
    for part in SLICES:
        by_arm = {arm: np.stack([each[part] for each in runs]) for arm, runs in values.items()}
        base = float(by_arm["without"].mean())
        for arm, each in by_arm.items():
            figures[f"{name}.{part}.ndcg@20.{arm}"] = float(each.mean())
            if arm != "without":
                found = crossed_intervals((each - by_arm["without"])[None])[0]
                key = f"{name}.{part}.relative_difference.{arm}"
                figures[key], intervals[key] = found.mean / base, (found.low / base, found.high / base)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", type=int, default=6)


if __name__ == "__main__":
    main()
