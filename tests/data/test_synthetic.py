"""Synthetic data with known truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from sidelight.data import split as make
from sidelight.data.read import from_frames
from sidelight.data.synthetic import START, SyntheticData, make_synthetic
from sidelight.errors import SpecError


def hits(truth: Any, scores: np.ndarray, known: np.ndarray, k: int = 10) -> float:
    """Share of users with a relevant item among their k best unseen ones."""
    best = np.argsort(-np.where(known, -np.inf, scores), axis=1)[:, :k]
    users = np.flatnonzero(truth.getnnz(axis=1))
    return float(np.mean([truth[u, best[u]].sum() > 0 for u in users]))


def test_the_true_affinity_beats_popularity_and_taste_alone_beats_chance(made: SyntheticData) -> None:
    split = make.random_per_user(made.data, seed=1)
    known, truth = split.histories().matrix().toarray() > 0, split.truth("validation")
    popular = np.tile(known.sum(axis=0), (made.data.n_users, 1)).astype(float)
    chance = np.random.default_rng(0).random(known.shape)
    full = hits(truth, made.affinity(), known)
    assert full > hits(truth, popular, known) + 0.1
    assert full > hits(truth, made.affinity(popularity=False), known)
    assert hits(truth, made.affinity(popularity=False), known) > hits(truth, chance, known) + 0.1


def test_nobody_clicks_before_the_launch_and_no_pair_twice(made: SyntheticData) -> None:
    log = made.data.interactions
    assert log.timestamp is not None
    assert (log.timestamp >= made.launch[log.item]).all() and (log.timestamp >= START).all()
    assert made.data.matrix().nnz == len(log) == 6_000
    late = made.launch > START
    assert 0.2 < late.mean() < 0.4
    assert make.temporal(made.data).cold[late].any()
    inside = np.diff(log.timestamp) >= 0
    assert (inside | (np.diff(log.user) != 0)).all()


def test_popularity_is_skewed_when_asked_for() -> None:
    flat, steep = (make_synthetic(seed=2, skew=s, new=0) for s in (0.0, 1.5))
    top = [np.sort(np.bincount(p.data.interactions.item, minlength=200))[-20:].sum() for p in (flat, steep)]
    assert top[1] > 1.5 * top[0]


def test_the_seed_decides_everything() -> None:
    one, same, other = make_synthetic(seed=3), make_synthetic(seed=3), make_synthetic(seed=4)
    assert one.data.fingerprint == same.data.fingerprint != other.data.fingerprint
    assert (one.affinity() == same.affinity()).all()


def test_columns_say_what_they_are(made: SyntheticData) -> None:
    schema = made.data.schema
    assert [c.name for c in schema.items] == made.data.items.columns
    assert [c.name for c in schema.users if c.sensitive] == ["gender"]
    assert [c.name for c in schema.items if not c.known_at_launch] == ["votes"]
    votes = np.bincount(made.data.interactions.item, minlength=150)
    assert (made.data.items["votes"].to_numpy() == votes).all()
    for name in ("description", "vector"):
        assert 0 < made.data.items[name].null_count() < 40
    # Gender shifts taste: an audit has something to find.
    women = (made.data.users["gender"] == "f").to_numpy()
    first = made.taste[:, :4].sum(axis=1)
    assert first[women].mean() > first[~women].mean() + 0.2


def test_the_readers_give_the_same_data() -> None:
    data = make_synthetic(seed=5, images=True).data
    log = data.interactions
    events = {
        "user_id": data.user_ids[log.user],
        "item_id": data.item_ids[log.item],
        "timestamp": log.timestamp,
    }
    frame = pl.DataFrame(events).sample(fraction=1, shuffle=True, seed=0)
    again = from_frames(frame, data.items, data.users, schema=data.schema)
    assert again.fingerprint == data.fingerprint


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_users": 1},
        {"n_topics": 1},
        {"n_events": 30_000},
        {"n_events": 0},
        {"new": 1},
        {"noise": 2},
        {"missing": -1},
    ],
)
def test_impossible_wishes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="make_synthetic"):
        make_synthetic(**wrong)
