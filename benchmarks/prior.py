"""The prior over a blend's weights, from many cells: data sets times how few clicks are left.

Each cell holds out three tenths of every user's events and thins the others; what is best there on
average, by density of the clicks, is what a shop without evidence should start from. Parts of the
published splits that are test stay unused. `--write` puts the prior into the package; the figures
compare it, per left-out data set, with the best single component of each cell.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import arms
import numpy as np
import shape
from numpy.typing import NDArray

import sidelight as sl
from sidelight.content.protocols import Content
from sidelight.data.synthetic import make_synthetic
from sidelight.datasets.groceries import groceries
from sidelight.models import weight_prior
from sidelight.models.blend_candidates import BlendCandidates, CandidateLists
from sidelight.models.components import Components
from sidelight.models.default_model import components, content_of
from sidelight.models.held_out_scores import buckets_of, sampled
from sidelight.seeding import generator

TABLE = Path(weight_prior.__file__).with_suffix(".json")
LEVELS: tuple[float | str, ...] = ("one", "three", 0.1, 0.3, 1.0)
DENSITY = (1.0, 4.0, 16.0, 64.0)
GRID = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)
START = {"ContentKNN:dense": 0.5, "HybridKNN:dense": 0.5, "Popular": 0.5}
WIDTH = 1.0  # kernel over log2 density, in knots (each a factor of four)
USERS, LOOKED, K = 600, 500, 20
FLOOR, WORTH = 0.05, 0.01
LEAST = 50  # users below which a slice of a cell is not looked at
SIDES = weight_prior.SIDES
# Families that no cell has take the weights of the nearest one that was measured.
LIKE = {
    "ContentKNN:sparse": "ContentKNN:dense", "HybridKNN:sparse": "HybridKNN:dense",
    "Ridge:sparse": "Ridge:dense", "TwoTower:dense": "Ridge:dense", "TwoTower:sparse": "Ridge:dense",
    "ALS": "EASE", "other:clicks": "EASE", "EASESide:dense": "HybridKNN:dense",
    "EASESide:sparse": "HybridKNN:dense", "other:content": "Ridge:dense",
}  # fmt: skip


def datasets(run: shape.Run) -> dict[str, Any]:
    """Data sets by name, without the events that their published splits call test."""
    out: dict[str, Any] = {}
    for name in ("citeulike-a", "amazon-industrial", "amazon-beauty", "ml-1m"):
        out[name] = lambda name=name: (arms.SETS[name](run.data), arms.CONTENT[name])
    out["groceries"] = lambda: _groceries(run.folder)
    for sharp in (0.2, 0.6):
        out[f"synthetic {sharp:g}"] = lambda sharp=sharp: _synthetic(sharp)
    return out


def _groceries(folder: Path) -> tuple[sl.Split, tuple[Content, ...]]:
    place = folder / "groceries"
    if not (place / "interactions.parquet").exists() and not list(place.glob("interactions.*")):
        place.mkdir(parents=True, exist_ok=True)
        groceries(place)
    split = sl.split.temporal(sl.read(place), validation=0.15, test=0.15)
    return split, content_of(split.data.schema)[1]


def _synthetic(sharp: float) -> tuple[sl.Split, tuple[Content, ...]]:
    split = sl.split.random_per_user(
        make_synthetic(800, 1500, round(24_000 * (0.5 + sharp)), seed=7).data, test=0.1
    )
    return split, content_of(split.data.schema)[1]


def thinned(split: sl.Split, level: float | str) -> sl.Split:
    """Three tenths of each user's open events as validation, and a part of the others as training."""
    log = split.data.interactions
    rng = generator(0, "prior", str(level))
    rows = rng.permutation(np.concatenate([split.train, split.validation]))
    rows = rows[np.argsort(log.user[rows], kind="stable")]
    user = log.user[rows]
    size = np.bincount(user, minlength=split.data.n_users)
    place = np.arange(len(rows)) - np.searchsorted(user, user)
    held = place < np.floor(0.3 * size)[user]
    rest = place - np.floor(0.3 * size)[user]
    count = {"one": 1, "three": 3}.get(level) if isinstance(level, str) else None
    kept = rest < count if count else rng.random(len(rows)) < float(level)
    train, validation = np.sort(rows[~held & kept]), np.sort(rows[held])
    cold = np.bincount(log.item[train], minlength=split.data.n_items) == 0
    nothing = np.zeros_like(cold)
    how = {"rule": "random_per_user", "level": str(level)}
    return replace(
        split, train=train, validation=validation, sealed=train[:0], cold=cold, simulated=nothing,
        how=how, mask="seen", overall_users="any", candidates=np.ones_like(cold),
    )  # fmt: skip


def measure(
    name: str, level: float | str, split: sl.Split, content: tuple[Content, ...], folder: Path
) -> None:
    """Pool the components of one cell and keep the pool."""
    place = folder / f"{name}.{level}.npz"
    if place.exists():
        return
    cell = thinned(split, level)
    sparse = tuple(c for c in content if getattr(c, "encoder", "tfidf") == "tfidf")
    parts = Components.of(components(sparse, content, split.data.interactions.timestamp is not None))
    scorers = parts.scorers(cell)
    users = np.flatnonzero((cell.histories().matrix().getnnz(axis=1) > 0) & (cell.truth().getnnz(axis=1) > 0))
    users = sampled(users, USERS, 0, "prior users")
    pool = BlendCandidates.build(scorers, cell, users, 60, buckets_of(cell, (4, 10, 30)))
    pool = pool.standardised(pool.scales())
    families = weight_prior.families(parts.specs, scorers)
    density = len(cell.train) / max(1, int((~cell.cold).sum()))
    arrays = {f"{which}.{key}": value for which in SIDES for key, value in vars(pool.slate(which, K)).items()}
    place.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(place, families=np.array(families), density=density, **arrays)
    shape.note(f"{name} {level}: {len(cell.train):,} events, {density:.1f} per touched item")


class Cell:
    """One measured cell.

    Args:
        path: What `measure` wrote.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path) as kept:
            self.families = [str(each) for each in kept["families"]]
            self.density = float(kept["density"])
            names = ("values", "eligible", "relevant", "place", "ideal")
            self.slates = {w: _first(CandidateLists(*(kept[f"{w}.{n}"] for n in names), K)) for w in SIDES}
        self.set = path.name.split(".")[0] if "synthetic" not in path.name else "synthetic"
        alone = np.eye(len(self.families))
        self.best = {w: max((self.quality(w, row) for row in alone), default=0.0) for w in SIDES}

    def quality(self, which: str, weights: NDArray[np.float64]) -> float:
        """Mean NDCG of a slice, 0 where nobody is in it."""
        slate = self.slates[which]
        return float(slate.ndcg(slate.mix(weights)).mean()) if len(slate) else 0.0

    def spread(self, weights: dict[str, float]) -> NDArray[np.float64]:
        """Weights of families as those of components."""
        return np.array([weights.get(f, 0.0) / self.families.count(f) for f in self.families])


def _first(slate: CandidateLists) -> CandidateLists:
    """Its first users: they are in no order that matters, and the search looks at each many times."""
    rows = slice(None, LOOKED)
    return replace(
        slate, values=np.ascontiguousarray(slate.values[:, rows]), eligible=slate.eligible[rows],
        relevant=slate.relevant[rows], place=slate.place[rows], ideal=slate.ideal[rows],
    )  # fmt: skip


def worth(
    cells: Sequence[Cell], which: str, weights: dict[str, float], closeness: NDArray[np.float64]
) -> float:
    """Mean log of NDCG over that of the best single component: failing somewhere costs more than it gains.

    Cells count by their closeness, and each data set for as much as any other.
    """
    judged = np.array([c.best[which] > 0 and len(c.slates[which]) >= LEAST for c in cells])
    cells, closeness = [c for c, j in zip(cells, judged, strict=True) if j], closeness[judged]
    if not cells:
        return 0.0
    found = [np.log(c.quality(which, c.spread(weights)) / c.best[which] + FLOOR) for c in cells]
    total = {name: closeness[[c.set == name for c in cells]].sum() for name in {c.set for c in cells}}
    shares = closeness / np.array([total[c.set] for c in cells])
    by_set = {n: min(1.0, float(t)) for n, t in total.items()}
    return float(np.average(found, weights=shares * np.array([by_set[c.set] for c in cells])))


def supports_cold_items(family: str) -> bool:
    """Whether components of a family score cold items by what they say."""
    return weight_prior.group(family) == "content"


def sides(weights: dict[str, float]) -> dict[str, dict[str, float]]:
    """The weights on cold and on warm items: the same, where a component has something to say."""
    return {"cold": {f: w for f, w in weights.items() if supports_cold_items(f)}, "warm": weights}


def fit(cells: Sequence[Cell], knot: float) -> dict[str, float]:
    """Weights of families that are best on average around one density.

    Content is weighed alike on cold and on warm items: without evidence nothing says that one kind of
    neighbour is right for new items and another for old ones, and scores that are made alike are
    comparable in the one list. From content neighbours, without clicks and with them, and popularity
    the best single change is made as long as it is worth `WORTH`: what does not clearly help over many
    sets stays out.
    """
    apart = np.array([np.log2(c.density / knot) / 2 for c in cells])
    closeness = np.exp(-0.5 * (apart / WIDTH) ** 2)
    near = closeness > 0.1
    cells, closeness = [c for c, n in zip(cells, near, strict=True) if n], closeness[near]
    families = sorted({f for c in cells for f in c.families})
    weights = dict.fromkeys(families, 0.0) | START

    def value(tried: dict[str, float]) -> float:
        if not any(w for f, w in tried.items() if supports_cold_items(f)):
            return -np.inf
        return sum(worth(cells, which, own, closeness) for which, own in sides(tried).items()) / len(SIDES)

    best = value(weights)
    for _ in range(12):
        moves = [{**weights, f: v} for f in families for v in GRID if v != weights[f]]
        found = [value(m) for m in moves]
        at = int(np.argmax(found))
        if found[at] < best + WORTH:
            break
        best, weights = found[at], moves[at]
    return weights


def table_of(cells: Sequence[Cell]) -> dict[str, Any]:
    """The prior of some cells: weights by family and side at each knot, 1 at most."""
    found = [fit(cells, knot) for knot in DENSITY]
    names = sorted({f for c in cells for f in c.families})
    return {
        name: {w: [round(sides(k)[w].get(name, 0.0) / max(k.values()), 3) for k in found] for w in SIDES}
        for name in names
    }


def checked(cells: Sequence[Cell], figures: dict[str, float]) -> None:
    """How a prior that never saw a data set does there, beside its best single component."""
    for name in sorted({c.set for c in cells}):
        others = [c for c in cells if c.set != name]
        knots = [fit(others, knot) for knot in DENSITY]
        for cell in (c for c in cells if c.set == name):
            at = np.interp(np.log2(cell.density), np.log2(DENSITY), np.arange(len(DENSITY)))
            low, high = knots[int(at)], knots[min(int(at) + 1, len(DENSITY) - 1)]
            share = at - int(at)
            weights = {f: (1 - share) * low.get(f, 0) + share * high.get(f, 0) for f in cell.families}
            for which in SIDES:
                if cell.best[which] == 0 or len(cell.slates[which]) < LEAST:
                    continue
                key = f"{name} {cell.density:.1f} events per item.{which}"
                figures[f"{key}.best_single"] = cell.best[which]
                figures[f"{key}.prior"] = cell.quality(which, cell.spread(sides(weights)[which]))


def main() -> None:
    """Measure the cells that are not there yet, and make the prior of all."""
    run = shape.start("prior", options=_options)
    prints = {}
    for name, load in datasets(run).items():
        if name not in run.sets:
            continue
        split, content = load()
        prints[name] = split.data.fingerprint
        for level in LEVELS:
            measure(name, level, split, content, run.folder)
    cells = [Cell(path) for path in sorted(run.folder.glob("*.npz"))]
    weights = table_of(cells)
    figures: dict[str, float] = {"cells": len(cells)}
    if run.write:
        _write(weights, cells)
    checked(cells, figures)
    shape.emit(
        "prior", figures, {}, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=prints, weights=weights,
    )  # fmt: skip


def _write(weights: dict[str, Any], cells: Sequence[Cell]) -> None:
    """Put measured families into the package's table; the others keep what stands there."""
    stored = json.loads(TABLE.read_text(encoding="utf-8"))
    stored["provenance"] = {
        "script": "benchmarks/prior.py", "date": datetime.now(UTC).date().isoformat(),
        "sets": sorted({c.set for c in cells}), "cells": len(cells), "measured": sorted(weights),
    }  # fmt: skip
    stored["density"] = list(DENSITY)
    stored["weights"] = weights | {name: weights[like] for name, like in LIKE.items() if name not in weights}
    TABLE.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=Path("comparisons/prior"), help="where cells are kept")
    parser.add_argument("--write", action="store_true", help="put the prior into the package")
    parser.add_argument("--sets", nargs="*", default=[
        "citeulike-a", "amazon-industrial", "amazon-beauty", "ml-1m", "groceries",
        "synthetic 0.2", "synthetic 0.6",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
