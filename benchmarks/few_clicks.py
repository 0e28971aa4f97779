"""What the default does for a new user with 0, 1, 2, 5, 10 and 20 clicks, beside each of its parts.

A share of the users is taken out of the data before anything is fitted. The last three tenths of
their events are what they want; of the others, the last n are known. Each n is judged on the users
with at least that many, against every part of the blend and against the same users with no click
known. Once under a natural split (each user's last events, or drawn at random where there is no order)
and once under one that holds a twentieth of the items out, where the share of new items on validation is
not that of the world, and that draws the other events at random: it cannot say what order is worth.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import shape
from numpy.typing import NDArray

import sidelight as sl
from sidelight.datasets.groceries import groceries
from sidelight.evaluation.statistics import paired_bootstrap
from sidelight.models.components import Components
from sidelight.models.recommender import Recommender
from sidelight.seeding import generator

CLICKS, K = (0, 1, 2, 5, 10, 20), 20
DISCOUNT = 1 / np.log2(np.arange(2, K + 2))
SETS = ("ml-1m", "citeulike-a", "amazon-beauty", "groceries")
# What a shop would know at launch; sentence vectors of plots say little and take long to make.
COLUMNS = {"ml-1m": ["title", "genres", "directors"], "citeulike-a": ["title"]}


def tables(name: str, run: shape.Run) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events, oldest first per user, and items of a data set."""
    if name == "groceries":
        place = run.folder / name
        if not list(place.glob("interactions.*")):
            place.mkdir(parents=True, exist_ok=True)
            groceries(place)
        data = sl.read(place)
        log = data.interactions
        events = pl.DataFrame(
            {
                "user_id": data.user_ids[log.user],
                "item_id": data.item_ids[log.item],
                "timestamp": log.timestamp,
            }
        )
        return events, data.items.with_columns(item_id=pl.Series(data.item_ids))
    place = run.data / name
    events, items = (pl.read_parquet(place / f"{what}.parquet") for what in ("interactions", "items"))
    if "rating" in events.columns:
        events = events.filter(pl.col("rating") >= 4).drop("rating")
    order = [c for c in ("timestamp", "position") if c in events.columns]
    events = events.sort("user_id", *order) if order else events
    chosen = COLUMNS.get(name, [c for c in items.columns if c != "item_id"])
    return events.unique(["user_id", "item_id"], keep="first", maintain_order=True), items.select(
        "item_id", *chosen
    )


def apart(events: pl.DataFrame, share: float, most: int) -> tuple[pl.DataFrame, list[list[Any]]]:
    """Events of the users to fit on, and histories of the new ones."""
    users = events["user_id"].unique(maintain_order=True).to_numpy()
    chosen = generator(0, "few clicks").permutation(users)[: round(share * len(users))]
    fit = events.filter(~pl.col("user_id").is_in(chosen.tolist()))
    known = set(fit["item_id"].to_list())
    rest = events.filter(pl.col("user_id").is_in(chosen.tolist()))
    lists = [
        [i for i in g["item_id"].to_list() if i in known]
        for _, g in rest.group_by("user_id", maintain_order=True)
    ]
    return fit, [found for found in lists if len(found) >= 4][:most]


def per_user(model: Recommender, known: list[list[Any]], wanted: list[set[Any]]) -> NDArray[np.float64]:
    """NDCG@K of each new user, float64 (n_users,)."""
    lists = model.recommend(histories=known, k=K)
    shown: dict[Any, list[Any]] = {}
    for user, item in lists.select("user_id", "item_id").iter_rows():
        shown.setdefault(user, []).append(item)
    out = np.zeros(len(known))
    for at, want in enumerate(wanted):
        hit = [DISCOUNT[rank] for rank, item in enumerate(shown.get(at, [])) if item in want]
        out[at] = sum(hit) / DISCOUNT[: min(K, len(want))].sum()
    return out


def judge(name: str, split: sl.Split, lists: list[list[Any]], figures: Any, intervals: Any) -> dict[str, Any]:
    """Fit the default once and judge it at every number of clicks."""
    fitted: dict[Any, Any] = {}
    spec = sl.automatic(split)
    model = spec.fit(split, fitted=fitted)
    parts = Components.of(spec.components, fitted)
    singles = [
        Recommender(s, scorer, model.items, model.people)
        for s, scorer in zip(parts.specs, parts.scorers(split), strict=True)
    ]
    cut = [round(0.7 * len(found)) for found in lists]
    worst = 0.0
    for n in CLICKS:
        able = [at for at, c in enumerate(cut) if c >= max(n, 1)]
        if len(able) < 30:
            continue
        wanted = [set(lists[at][cut[at] :]) for at in able]
        known = [lists[at][cut[at] - n : cut[at]] if n else [] for at in able]
        found = per_user(model, known, wanted)
        nothing = per_user(model, [[] for _ in able], wanted)
        alone = [per_user(single, known, wanted) for single in singles]
        best = alone[int(np.argmax([a.mean() for a in alone]))]
        figures[f"{name} {n} clicks.users"] = len(able)
        for key, value in (("default", found), ("best_part", best), ("no_click", nothing)):
            figures[f"{name} {n} clicks.{key}"] = value.mean()
        for key, other in (("best_part", best), ("no_click", nothing)):
            gain = paired_bootstrap(found, other)
            figures[f"{name} {n} clicks.default_minus_{key}"] = gain.mean
            intervals[f"{name} {n} clicks.default_minus_{key}"] = (gain.low, gain.high)
            worst = min(worst, gain.high)
        shape.note(
            f"{name} {n:2d} clicks, {len(able):4d} users: default {found.mean():.4f}, "
            f"best part {best.mean():.4f}, no click {nothing.mean():.4f}"
        )
    figures[f"{name}.worst_upper_end"] = worst
    return model.choices


def main() -> None:
    """Judge all sets under both splits."""
    run = shape.start("few_clicks", options=_options)
    figures: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    prints, choices = {}, {}
    for name in run.sets:
        events, items = tables(name, run)
        fit, lists = apart(events, 0.2, run.users)
        data = sl.from_frames(fit, items=items)
        prints[name], ordered = data.fingerprint, data.interactions.order is not None
        makers = {
            # What is judged comes later: where events have an order, so does validation.
            "natural": sl.split.leave_last_out(data) if ordered else sl.split.random_per_user(data),
            "cold items": sl.split.cold_items(data, share=0.05, warm=0.1),
        }
        for kind, split in makers.items():
            choices[f"{name}, {kind}"] = judge(f"{name}, {kind},", split, lists, figures, intervals)
    below = [k for k, (_, high) in intervals.items() if high < 0]
    figures["differences"], figures["differences_below_zero"] = len(intervals), len(below)
    shape.note(f"below zero: {below}")
    shape.emit(
        "few_clicks", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=prints, choices=choices,
    )  # fmt: skip


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--users", type=int, default=800, help="new users at most")
    parser.add_argument("--folder", type=Path, default=Path("comparisons/few_clicks"))


if __name__ == "__main__":
    main()
