"""Shares that explanations claim, against the fall of the score when the named thing is removed.

For users drawn at random, the first items of their lists are explained with every history item named.
Each history item is then taken out and the shorter history is scored by the model itself; popularity is
removed from the parts of the model that score all users alike, and user attributes by asking for nobody.
A claim is the named share times the score. `within_5` is the share of claims that lie within 5 % of the
fall, or within 0.1 % of the score where the fall is smaller than 2 % of it; `rank` is Spearman's
correlation between the shares claimed and fallen. `popular` is the median share of popularity, `personal`
the share of list rows called personal, `moved` that of the lists that differ from those without a history.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
import shape
from numpy.typing import NDArray
from scipy.stats import spearmanr

import sidelight as sl
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.recommender import Recommender
from sidelight.models.scorer import Scorer
from sidelight.models.similarity_scorers import ConstantScorer
from sidelight.models.tower_scorer import TowerScorer
from sidelight.seeding import generator
from sidelight.training.training_options import TrainingOptions

SETS = ("amazon-industrial", "ml-1m")
COLUMNS = {"amazon-industrial": ("title", "brand"), "ml-1m": ("title", "genres", "directors")}
Pairs = list[tuple[float, float, float]]  # claim, fall, score


def tables(name: str, run: shape.Run) -> sl.Dataset:
    """A sample of the users of a data set, with all their events."""
    place = run.data / name
    events = pl.read_parquet(place / "interactions.parquet")
    if "rating" in events.columns:
        events = events.filter(pl.col("rating") >= 4).drop("rating")
    users = events["user_id"].unique(maintain_order=True).to_numpy()
    kept = generator(0, "reasons").permutation(users)[: run.users].tolist()
    events = events.filter(pl.col("user_id").is_in(kept))
    items = pl.read_parquet(place / "items.parquet").select("item_id", *COLUMNS[name])
    items = items.filter(pl.col("item_id").is_in(events["item_id"].unique().to_list()))
    people = place / "users.parquet"
    if not people.exists():
        return sl.from_frames(events, items=items)
    about = pl.read_parquet(people).filter(pl.col("user_id").is_in(kept)).select("user_id", "occupation")
    return sl.from_frames(events, items=items, users=about)


def specs(name: str, split: sl.Split) -> dict[str, Any]:
    """The models: two that are additive in the history, one that is not, and the default blend."""
    content: list[Any] = [sl.Text("title")]
    content += [sl.Tags(c) if c in ("genres", "directors") else sl.Categories(c) for c in COLUMNS[name][1:]]
    users = (sl.Categories("occupation"),) if "occupation" in split.data.users.columns else ()
    towers = sl.TwoTower(tuple(content), users=users, options=TrainingOptions(epochs=4))
    knn = sl.ContentKNN(tuple(content))
    return {"ease": sl.EASE(), "content_knn": knn, "two_tower": towers, "default": sl.automatic(split)}


def user_independent_scores(scorer: Scorer) -> Scorer:
    """A scorer without what it says to everybody alike."""
    if isinstance(scorer, ConstantScorer):
        return ConstantScorer(np.zeros_like(scorer.values))
    if isinstance(scorer, TowerScorer):
        return replace(scorer, default=np.zeros_like(scorer.default))
    if isinstance(scorer, BlendScorer):
        return replace(scorer, parts=tuple(map(user_independent_scores, scorer.parts)))
    return scorer


def row_of(model: Recommender, history: NDArray[np.int64]) -> sp.csr_matrix:
    """One history as CSR (1, n_items)."""
    ones = np.ones(len(history), np.float32)
    return sp.csr_matrix((ones, history, [0, len(history)]), shape=(1, len(model.items)))


def claims(model: Recommender, users: NDArray[np.int64], k: int) -> dict[str, Pairs]:
    """What explanations claim and what falls, by kind of reason."""
    found: dict[str, Pairs] = {"history": [], "popularity": [], "user": []}
    own, bare = model.people, replace(model, scorer=user_independent_scores(model.scorer))
    for user in users:
        seen = own.histories.matrix()[user].indices.astype(np.int64)
        whole, who = row_of(model, seen), np.array([user])
        asked = model.with_context(who)
        score = asked.score(whole)[0]
        shorter = {i: asked.score(row_of(model, seen[seen != i]))[0] for i in seen}
        plain, nobody = bare.with_context(who).score(whole)[0], model.score(whole)[0]
        lists = model.recommend(users=[own.ids[user]], k=k)
        for item in lists.filter(pl.col("score") > 0)["item_id"]:
            at = int(model.items.find([item])[0])
            reason, size = model.explain(item, user=own.ids[user], k=len(seen)), float(score[at])
            named = dict(
                zip(model.items.find([i for i, _, _ in reason.history]), reason.history, strict=True)
            )
            for i in seen:
                share = named[i][2] if i in named else 0.0
                found["history"].append((share * size, float(score[at] - shorter[i][at]), size))
            found["popularity"].append((reason.popularity * size, float(score[at] - plain[at]), size))
            found["user"].append((reason.user * size, float(score[at] - nobody[at]), size))
    return found


def judge(pairs: Pairs) -> dict[str, float]:
    """How well claims agree with falls."""
    claim, fall, score = np.array(pairs).T
    room = np.where(np.abs(fall) < 0.02 * score, 0.001 * score, 0.05 * np.abs(fall))
    off = np.abs(claim - fall)
    large = np.abs(fall) >= 0.02 * score
    worst = (off[large] / np.abs(fall[large])).max(initial=0.0)
    shares = np.round(np.stack([claim, fall]) / score, 5)  # equal ones differ by the last digits of floats
    rank = 1.0 if (np.ptp(shares, axis=1) == 0).any() else float(spearmanr(*shares).statistic)
    return {
        "claims": len(pairs),
        "within_5": float((off <= room).mean()),
        "worst": float(worst),
        "rank": rank,
    }


def main() -> None:
    """Judge every model on every set."""
    run = shape.start("reasons", options=_options)
    figures: dict[str, float] = {}
    prints = {}
    for name in run.sets:
        data = tables(name, run)
        prints[name] = data.fingerprint
        split = sl.split.random_per_user(data)
        length = split.histories().matrix().getnnz(axis=1)
        able = np.flatnonzero((length >= 2) & (length <= 200))
        users = generator(0, "explained").permutation(able)[: run.explained]
        for model_name, spec in specs(name, split).items():
            model = spec.fit(split)
            key = f"{name}.{model_name}"
            found = claims(model, users, run.k)
            for kind, pairs in found.items():
                if any(claim or fall for claim, fall, _ in pairs):
                    figures |= {f"{key}.{kind}.{what}": value for what, value in judge(pairs).items()}
            shares = [claim / score for claim, _, score in found["popularity"]]
            figures[f"{key}.popular"] = float(np.median(shares)) if shares else 0.0
            rows = model.recommend(users=model.people.ids[users].tolist(), k=run.k)
            figures[f"{key}.personal"] = float((rows["source"] == "personal").mean() or 0.0)
            figures[f"{key}.moved"] = sl.evaluate(model, split, ks=(run.k,)).figures()[
                f"overall.history_moved@{run.k}"
            ]
            said = [f"{n.removeprefix(key)[1:]} {v:.3f}" for n, v in figures.items() if n.startswith(key)]
            shape.note(f"{run.seconds():.0f} s, {key}: {', '.join(said)}")
    figures["worst"] = max(v for n, v in figures.items() if n.endswith(".worst"))
    figures["least_rank"] = min(v for n, v in figures.items() if n.endswith(".rank"))
    shape.emit(
        "reasons", figures, {}, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint=prints,
    )  # fmt: skip


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--users", type=int, default=400, help="users to fit on")
    parser.add_argument("--explained", type=int, default=15, help="users whose lists are explained")
    parser.add_argument("-k", type=int, default=5, help="items explained per user")


if __name__ == "__main__":
    main()
