"""What auxiliary signals add to the list one would serve, as clicks get fewer.

Four data sets, five levels of sparsity (training and validation thinned alike), five seeds. The
arms of a cell are a two-tower model without and with auxiliary tasks, each alone and in the blend of
closed forms, that blend by itself, and the blend with auxiliary signals given to its closed forms.
Every model is fitted once a cell and shared by all blends; weights follow the default rule. The test
part is opened once per cell and arm.

A cell is a file in --folder: the benchmark goes on where it was cut off, and processes that take
different --sets may share the folder. `--collect` makes the table from the cells that are there.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import arms
import numpy as np
import shape
from numpy.typing import NDArray

import sidelight as sl
from sidelight.evaluation.test_access_log import spec_hash
from sidelight.experiment.arms import seeded
from sidelight.experiment.run_arm import thinned
from sidelight.json_files import write_json
from sidelight.models import components
from sidelight.models.default_model import content_of
from sidelight.models.held_out_scores import sampled
from sidelight.seeding import generator

LEVELS = (1.0, 0.5, 0.2, 0.1, 0.05)
SEEDS = 5
METRIC = "ndcg@20"
MAIN = ("overall", "cold", "warm")
ACTIVITY = {"0": (0, 0), "1": (1, 1), "2-4": (2, 4), "5-9": (5, 9), "10+": (10, np.inf)}
SLICES = (*MAIN, *(f"activity {name}" for name in ACTIVITY))
ARMS = ("primary", "augmented", "blend", "blend + primary", "blend + augmented", "blend + signals")
PAIRS = {
    "blend + augmented over blend + primary": ("blend + augmented", "blend + primary"),
    "blend + signals over blend": ("blend + signals", "blend"),
    "blend + primary over blend": ("blend + primary", "blend"),
    "augmented over primary": ("augmented", "primary"),
}
RESAMPLES, LEVEL, ROWS = 4_000, 0.95, 200

# Labels that text predicts for every item; those of citeulike-a are known of old articles only.
LABELS = {
    "citeulike-a": sl.Tags("tags"),
    "amazon-industrial": sl.Categories("brand"),
    "amazon-beauty": sl.Tags("attribute_ids"),
    "ml-1m": sl.Tags("genres", "directors"),
}
DIM = 64
USERS = 6_000  # with test events who are judged at most: a list for each of 22,000 takes longer than the fits
# As many epochs and as much sampling for both arms, so that a cell takes a minute or two and not ten.
SMALL = {
    "epochs": 8,
    "patience": 3,
    "batch_size": 512,
    "full_softmax_limit": 5000,
    "negatives": 512,
    "task_items": 512,
}
# Histories are long there: a step of fewer people sees as many clicks.
SMALLER = {"ml-1m": {"batch_size": 256}}

Floats = NDArray[np.float64]


def towers(name: str) -> tuple[sl.TwoTower, sl.TwoTower]:
    """The primary model and its twin with tasks under the default rule for their weights."""
    small = arms.primary(name, DIM)
    primary = replace(small, options=replace(small.options, **SMALL | SMALLER.get(name, {})))
    return primary, primary.with_tasks(*arms.tasks(name), weighting=sl.ValidationGuided())


def signals(name: str, split: sl.Split) -> tuple[Any, ...]:
    """Components that carry labels into the blend without a neural model.

    With none, the arm "blend + signals" is left out.

    Args:
        name: Of the data set.
        split: Thinned; its schema says which text there is.
    """
    if name not in LABELS:
        return ()
    text = tuple(each for each in content_of(split.data.schema)[1] if isinstance(each, sl.Text))
    told = (*text, sl.PredictedLabels(LABELS[name], text))
    return (sl.ContentKNN(told), sl.Ridge(told, reg=30.0))


def blends(name: str, split: sl.Split) -> dict[str, sl.Blend]:
    """The blends of a cell by arm, closed forms alone first."""
    default = sl.automatic(split)
    plain = tuple(dict.fromkeys(arms.unlabelled(part) for part in default.components))
    primary, augmented = towers(name)
    more = {"blend": plain, "blend + primary": (*plain, primary), "blend + augmented": (*plain, augmented)}
    if found := signals(name, split):
        more["blend + signals"] = tuple(dict.fromkeys((*default.components, *found)))
    return {arm: replace(default, components=parts) for arm, parts in more.items()}


def fit_cell(
    alone: Mapping[str, Any], joined: Mapping[str, sl.Blend], split: sl.Split, fitted: components.Fitted
) -> tuple[dict[str, sl.Recommender], dict[str, float]]:
    """The fitted model of each arm, and the seconds that each one added.

    Args:
        alone: Specs that are arms by themselves.
        joined: Blends, which may hold these specs as well.
        split: Thinned.
        fitted: What was fitted before on this split; filled.
    """
    models: dict[str, sl.Recommender] = {}
    seconds: dict[str, float] = {}
    for arm, spec in {**alone, **joined}.items():
        start = time.perf_counter()
        if arm in joined:
            models[arm] = spec.fit(split, fitted=fitted)
        else:
            models[arm] = sl.Recommender.of(
                spec, components.Components.of((spec,), fitted).scorers(split)[0], split
            )
        seconds[arm] = time.perf_counter() - start
    return models, seconds


def measure(
    name: str, split: sl.Split, keep: float, seed: int, folder: Path, fitted: components.Fitted
) -> None:
    """One cell: fit, open the test part once an arm, and keep every user's value.

    Raises:
        SystemExit: The folder holds a cell of other models or another division.
    """
    thin = judged(thinned(split, keep, seed))
    # No fit sees the test part; and what weights are chosen on is then the split that all parts know.
    blind = thin.blind()
    specs = dict(zip(("primary", "augmented"), (seeded(each, seed) for each in towers(name)), strict=True))
    joined = {arm: seeded(blend, seed) for arm, blend in blends(name, blind).items()}
    hashes = {arm: spec_hash(spec) for arm, spec in {**specs, **joined}.items()}
    identity = {"specs": hashes, "division": thin.hash, "data": thin.data.fingerprint}
    place = cell_path(folder, name, keep, seed)
    if place.exists():
        found = json.loads(place.read_text(encoding="utf-8"))
        if any(found[key] != value for key, value in identity.items()):
            raise SystemExit(f"{place}: expected the cell of these models; found another; remove it to go on")
        return
    models, seconds = fit_cell(specs, joined, blind, fitted)
    log = folder / f"{name}.openings.jsonl"
    values = {}
    for arm, model in models.items():
        found = sl.evaluate(
            model, thin, part="test", ks=(20,), metrics=("ndcg",), final=True, log=log
        )  # fmt: skip
        for side in found.slices:
            values[f"{arm}|{side}"] = found.values[side][METRIC]
            values[f"users|{side}"] = found.users[side]
    values["activity"] = thin.data.matrix(thin.train).getnnz(axis=1)
    about = {
        **identity, "set": name, "keep": keep, "seed": seed, "seconds": seconds, "train": len(thin.train),
        "validation": len(thin.validation), "commit": shape.commit(),
        "models": {arm: repr(spec) for arm, spec in {**specs, **joined}.items()},
        "choices": {arm: getattr(model, "choices", None) for arm, model in models.items()},
    }  # fmt: skip
    fresh = place.with_suffix(".part.npz")
    np.savez_compressed(fresh, **values)
    os.replace(fresh, place.with_suffix(".npz"))
    write_json(about, place)  # last: where it is, the cell is whole


def judged(split: sl.Split, most: int = USERS) -> sl.Split:
    """The split with the test events of at most so many users, the same ones in every cell."""
    user = split.data.interactions.user[split.sealed]
    able = np.unique(user)
    if len(able) <= most:
        return split
    return replace(split, sealed=split.sealed[np.isin(user, sampled(able, most, 0, "lift", "judged"))])


def cell_path(folder: Path, name: str, keep: float, seed: int) -> Path:
    """The JSON file of a cell; the values lie beside it."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    return place / f"{keep:g}-{seed}.json"


def stacked(places: list[Path]) -> tuple[list[str], Floats, NDArray[np.bool_]]:
    """Arms, values (slices, seeds, arms, users) and who is in a slice (slices, seeds, users)."""
    cells = [dict(np.load(place.with_suffix(".npz"))) for place in places]
    found = [arm for arm in ARMS if all(f"{arm}|overall" in cell for cell in cells)]
    users = len(cells[0]["activity"])
    values = np.zeros((len(SLICES), len(cells), len(found), users))
    inside = np.zeros((len(SLICES), len(cells), users), dtype=bool)
    for at, cell in enumerate(cells):
        for side, name in enumerate(SLICES):
            source = name if name in MAIN else "overall"
            if f"users|{source}" not in cell:
                continue
            rows = cell[f"users|{source}"]
            for arm, label in enumerate(found):
                values[side, at, arm, rows] = cell[f"{label}|{source}"]
            inside[side, at, rows] = True
            if name not in MAIN:
                low, high = ACTIVITY[name.removeprefix("activity ")]
                inside[side, at] &= (cell["activity"] >= low) & (cell["activity"] <= high)
    return found, values * inside[:, :, None], inside


def resampled(values: Floats, inside: NDArray[np.bool_], n: int = RESAMPLES, seed: int = 0) -> Floats:
    """Means over members when users and seeds are drawn again, independently: (1 + n, slices, arms).

    mean = sum t_s t_u m_su x_su / sum t_s t_u m_su with m_su whether user u is in the slice in the
    run of seed s; NaN where nobody is. The first one is without drawing.

    Args:
        values: As of `stacked`, 0 outside a slice.
        inside: As of `stacked`.
        n: Resamples.
        seed: Of the draws; equal for all arms and slices.
    """
    slices, seeds, arms_, users = values.shape
    joined = np.concatenate([values, inside[:, :, None].astype(float)], axis=2)
    flat = joined.reshape(-1, users).T.copy()
    draws = generator(seed, "lift", "users"), generator(seed, "lift", "seeds")
    out = np.full((1 + n, slices, arms_), np.nan)
    for start in range(0, 1 + n, ROWS):
        rows = min(ROWS, 1 + n - start)
        times_users = _counts(draws[0], rows, users)
        times_seeds = _counts(draws[1], rows, seeds)
        if start == 0:
            times_users[0], times_seeds[0] = 1, 1
        sums = (times_users @ flat).reshape(rows, slices, seeds, arms_ + 1)
        sums = np.einsum("rsda,rd->rsa", sums, times_seeds)
        known = sums[..., -1:] > 0
        np.divide(sums[..., :-1], sums[..., -1:], out=out[start : start + rows], where=known)
    return out


def _counts(rng: np.random.Generator, rows: int, size: int) -> Floats:
    drawn = rng.integers(0, size, (rows, size)) + np.arange(rows)[:, None] * size
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size).astype(np.float64)


def collect(run: shape.Run) -> None:
    """The table from the cells, printed and written."""
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    abouts: dict[str, list[dict[str, Any]]] = {}
    for name in run.sets:
        for keep in run.levels:
            places = [cell_path(run.folder, name, keep, seed) for seed in range(run.seeds)]
            if missing := [str(place) for place in places if not place.exists()]:
                raise SystemExit(f"expected {len(places)} cells of {name} at {keep:.0%}; missing {missing}")
            abouts[f"{name} {keep:.0%}"] = [json.loads(place.read_text("utf-8")) for place in places]
            found, values, inside = stacked(places)
            add(f"{name} {keep:.0%}", found, resampled(values, inside), figures, intervals)
    figures |= counts(figures, intervals)
    cells = [each for row in abouts.values() for each in row]
    sizes = {key: _means(row, ("train", "validation")) for key, row in abouts.items()}
    spent = {key: _means([cell["seconds"] for cell in row], row[0]["seconds"]) for key, row in abouts.items()}
    shape.emit(
        "lift", figures, intervals, seconds=sum(sum(cell["seconds"].values()) for cell in cells),
        peak_mb=shape.peak_mb(), out=run.out, seeds=run.seeds, pairs=PAIRS,
        data_fingerprint={row[0]["set"]: row[0]["data"] for row in abouts.values()},
        measured_at=", ".join(sorted({cell["commit"] for cell in cells})), events=sizes, fit_seconds=spent,
        models={f"{row[0]['set']}, {arm}": row[0]["models"][arm]
                for row in abouts.values() for arm in ("primary", "augmented")},
    )  # fmt: skip


def _means(rows: list[dict[str, float]], names: Iterable[str]) -> dict[str, float]:
    return {name: round(float(np.mean([row[name] for row in rows])), 1) for name in names}


def add(
    key: str,
    found: list[str],
    means: Floats,
    figures: dict[str, float],
    intervals: dict[str, tuple[float, float]],
) -> None:
    """The figures of one data set at one level: each arm, and each pair with its interval."""
    at = {arm: place for place, arm in enumerate(found)}
    columns = {arm: means[..., at[arm]] for arm in found}
    pairs = {name: two for name, two in PAIRS.items() if set(two) <= set(found)}
    columns |= {name: means[..., at[one]] - means[..., at[other]] for name, (one, other) in pairs.items()}
    tail = (1 - LEVEL) / 2
    for side, label in enumerate(SLICES):
        for name, column in columns.items():
            if np.isfinite(column[0, side]):
                figures[f"{key}.{label}.{name}"] = float(column[0, side])
                low, high = np.nanquantile(column[1:, side], [tail, 1 - tail])
                intervals[f"{key}.{label}.{name}"] = (float(low), float(high))


def counts(figures: dict[str, float], intervals: dict[str, tuple[float, float]]) -> dict[str, float]:
    """In how many cells a pair is clearly above and below 0, by main slice."""
    out: dict[str, float] = {}
    for name in PAIRS:
        for side in MAIN:
            cells = [ends for key, ends in intervals.items() if key.endswith(f".{side}.{name}")]
            if cells:
                out[f"{name}: {side} cells above 0, of {len(cells)}"] = sum(low > 0 for low, _ in cells)
                out[f"{name}: {side} cells below 0, of {len(cells)}"] = sum(high < 0 for _, high in cells)
    return out


def main() -> None:
    """Measure the cells that are missing, then make the table if all sets are there."""
    run = shape.start("lift", options=_options)
    done, total = 0, len(run.sets) * len(run.levels) * run.seeds
    for name in () if run.collect else run.sets:
        split = arms.SETS[name](run.data)
        for keep in run.levels:
            fitted: components.Fitted = {}
            for seed in range(run.seeds):
                # With all clicks every seed has the same ones, so that the closed forms stay as they are.
                fitted = fitted if keep == 1 else {}
                start = time.perf_counter()
                measure(name, split, keep, seed, run.folder, fitted)
                done += 1
                spent = time.perf_counter() - start
                shape.note(f"{name} {keep:.0%}, seed {seed}: {spent:.0f} s ({done} of {total} cells)")
    if run.collect or set(run.sets) == set(arms.SETS):
        collect(run)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="*", default=list(arms.SETS), choices=list(arms.SETS))
    parser.add_argument("--levels", nargs="*", type=float, default=list(LEVELS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--folder", type=Path, default=Path("comparisons/lift"))
    parser.add_argument("--collect", action="store_true", help="make the table from the cells in --folder")


if __name__ == "__main__":
    main()
