"""New items: stored, placed, previewed."""

from __future__ import annotations

import time

import numpy as np
import pytest
import served
from serving.cases import TENT, until

from sidelight.serving.requests import RecommendRequest


@pytest.mark.parametrize("name", ["content_knn", "ridge", "blend", "two_tower"])
def test_a_new_item_is_in_the_right_lists_within_a_second(tmp_path, name):
    with served.engine(tmp_path, name, start=True) as engine:
        start = time.monotonic()
        receipt = engine.put_items([{"item_id": "fresh", **TENT}], wait=5)
        assert receipt.placed and time.monotonic() - start < 1.0
        assert receipt.missing == () and receipt.later == ()
        same = served.model(name).add_items({"item_id": ["fresh"], **{n: [v] for n, v in TENT.items()}})
        for user in ("u03", "u07", "u02"):
            frame = same.recommend(users=[user], k=30)
            answer = engine.recommend(RecommendRequest(user=user, k=30))
            assert [one.item_id for one in answer.items] == frame["item_id"].to_list()
            np.testing.assert_allclose(
                [one.score for one in answer.items], frame["score"].to_numpy(), rtol=1e-4
            )
        assert engine.item("fresh").new and engine.status().arrived == 1


def test_without_waiting_it_comes_all_the_same(engine):
    receipt = engine.put_items([{"item_id": "fresh", **TENT}])
    assert not receipt.placed and receipt.change == 1
    until(lambda: engine.snapshot.change == 1)
    assert engine.item("fresh").title == TENT["title"] and engine.status().waiting == 0


def test_models_of_clicks_say_that_new_items_wait(tmp_path):
    with served.engine(tmp_path, "ease") as engine:
        receipt = engine.put_items([{"item_id": "fresh", **TENT}], wait=5)
        assert receipt.missing == ("new items",) and receipt.placed
        assert "new items" in engine.status().unavailable
        assert engine.item("fresh").title == TENT["title"]


def test_a_previewed_row_has_the_audience_that_it_has_once_stored(engine):
    before = engine.audience(row=TENT, k=5)
    assert engine.snapshot.n_items == 80 and engine.database.items_since(0) == []
    engine.put_items([{"item_id": "fresh", **TENT}], wait=5)
    after = engine.audience(item="fresh", k=5)
    assert before == after
    for one in after.people:
        answer = engine.recommend(RecommendRequest(user=one.user, k=81))
        listed = {item.item_id: item for item in answer.items}
        assert listed["fresh"].rank == one.place
        assert listed["fresh"].score == pytest.approx(one.score, rel=1e-5)


def test_a_preview_may_replace_a_row(engine):
    model = served.model()
    item = str(model.items.ids[np.flatnonzero(model.items.popular == 0)[0]])
    found = engine.audience(row={"item_id": item, **TENT}, k=3)
    fresh = engine.audience(row=TENT, k=3)
    assert [one.score for one in found.people] == pytest.approx([one.score for one in fresh.people])
