"""How a blend finds out whether the order of a history matters."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import sidelight as sl
from sidelight.models.recency import RecencyScorer

PARTS = (sl.Popular(), sl.ItemKNN(neighbours=40))


def _shop(drifting: bool, n_users=500, n_items=60, length=12, seed=0):
    """Events of users who stay in a group of ten items for three events, or change it at each event."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        groups = np.repeat(rng.integers(0, 6, length // 3), 3)
        items = groups * 10 + rng.integers(0, 10, length)
        if not drifting:
            items = rng.permutation(items)
        rows += [(user, int(item), 1_600_000_000 + 86_400 * at) for at, item in enumerate(items)]
    events = pl.DataFrame(rows, schema=["user_id", "item_id", "timestamp"], orient="row")
    return sl.split.leave_last_out(sl.from_frames(events))


@pytest.fixture(scope="module")
def drifting():
    return _shop(True)


def test_a_taste_that_moves_makes_old_events_fade(drifting, tmp_path):
    model = sl.Blend(PARTS).fit(drifting)
    assert model.choices["recency"]["decay"] < 0.9
    assert model.choices["recency"]["gain"] > 0
    assert any(isinstance(part, RecencyScorer) for part in model.scorer.parts)
    assert "recency: an event counts" in str(model)
    plain = sl.Blend(PARTS, recency=False).fit(drifting)
    test = {"part": "test", "ks": (5,), "final": True, "log": tmp_path / "openings.jsonl"}
    figures = [sl.evaluate(each, drifting, **test).figures()["overall.ndcg@5"] for each in (model, plain)]
    assert figures[0] > 1.1 * figures[1]


def test_the_order_of_a_given_history_counts(drifting):
    model = sl.Blend(PARTS).fit(drifting)
    one, other = (model.recommend(histories=[h], k=8)["item_id"].to_list() for h in ([3, 41], [41, 3]))
    assert sum(40 <= item < 50 for item in one) > sum(40 <= item < 50 for item in other)


def test_an_order_that_says_nothing_changes_nothing():
    model = sl.Blend(PARTS).fit(_shop(False))
    assert model.choices["recency"]["decay"] >= 0.9
    assert "recency" not in str(model) or model.choices["recency"]["decay"] < 1


def test_without_times_nothing_fades(drifting):
    events = drifting.data.interactions
    frame = pl.DataFrame({"user_id": events.user, "item_id": events.item})
    split = sl.split.random_per_user(sl.from_frames(frame), test=0.1)
    assert sl.Blend(PARTS).fit(split).choices["recency"] == {"decay": 1.0, "users": 0, "gain": 0.0}


def test_a_saved_blend_answers_alike(drifting, tmp_path):
    model = sl.Blend(PARTS).fit(drifting)
    model.save(tmp_path / "bundle")
    again = sl.load(tmp_path / "bundle")
    assert again.recommend(users=[1, 2], k=5).equals(model.recommend(users=[1, 2], k=5))
    assert again.explain(item=41, history=[3, 42]).score == model.explain(item=41, history=[3, 42]).score
