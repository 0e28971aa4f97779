"""Item changes applied to a model that serves."""

from __future__ import annotations

import logging

import numpy as np
import polars as pl
import pytest
import served

from sidelight.content.text import TfidfEncoder
from sidelight.errors import UnknownIdError
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.responses import RefusedRow

TENT = {"title": "sturdy tent no 15", "description": "A sturdy tent for camping.", "brand": "Northfold"}


def shown(engine, k=20, **who):
    return [one.item_id for one in engine.recommend(RecommendRequest(k=k, **who)).items]


def test_rows_in_any_number_of_batches_make_the_same_lists(tmp_path):
    rows = [{"item_id": f"n{n}", "title": f"{m} tent no {n}"} for n, m in enumerate(["sturdy", "light"] * 6)]
    lists = []
    for batch in (1, 5, 500):
        folder = tmp_path / str(batch)
        folder.mkdir()
        with served.engine(folder, options=EngineOptions(batch=batch)) as engine:
            assert engine.put_items(rows, wait=5).placed
            assert engine.snapshot.waiting == 0
            lists.append(shown(engine, user="u03", k=40))
    assert lists[0] == lists[1] == lists[2]


def test_a_poisoned_item_is_set_aside_and_the_others_go_on(engine, monkeypatch, caplog):
    transform = TfidfEncoder.transform

    def poisoned(self, items):
        if any("poison" in (t or "") for t in items["title"].to_list()):
            raise RuntimeError("the encoder fell over")
        return transform(self, items)

    monkeypatch.setattr(TfidfEncoder, "transform", poisoned)
    rows = [{"item_id": f"n{n}", "title": "poison" if n == 13 else f"tent no {n}"} for n in range(30)]
    with caplog.at_level(logging.ERROR):
        receipt = engine.put_items(rows, wait=5)
    assert receipt.placed and receipt.refused == (RefusedRow("n13", "RuntimeError: the encoder fell over"),)
    [aside] = engine.status().set_aside
    assert (aside.item_id, aside.reason) == ("n13", "RuntimeError: the encoder fell over")
    assert "set aside" in caplog.text
    assert engine.snapshot.n_items == 80 + 29 and engine.status().waiting == 0
    with pytest.raises(UnknownIdError):
        engine.item("n13")
    engine.put_items([{"item_id": "n13", "title": "an antidote"}], wait=5)
    assert engine.item("n13").title == "an antidote" and engine.status().set_aside == ()


def test_what_an_older_version_stored_and_this_one_cannot_read_is_set_aside(tmp_path):
    with served.engine(tmp_path) as engine:
        engine.database.put_items(
            [{"item_id": "a", "price": "dear"}, {"item_id": "b", "price": 5.0, "era": "old"}]
        )
        engine._live.catch_up()
        [aside] = engine.status().set_aside
        assert aside.item_id == "a" and "column 'price'" in aside.reason
        assert engine.item("b").row["price"] == 5.0
        assert engine.status().unavailable == {"column era": "this version does not have it"}


def test_a_changed_row_of_an_untouched_item_moves_it(engine):
    model = served.model()
    item = str(model.items.ids[np.flatnonzero(model.items.popular == 0)[0]])
    receipt = engine.put_items([{"item_id": item, **TENT}], wait=5)
    assert receipt.later == () and engine.item(item).title == TENT["title"]
    assert engine.status().arrived == 0
    twin = model.add_items({"item_id": ["twin"], **{n: [v] for n, v in TENT.items()}})
    score = twin.recommend(users=["u03"], k=81).filter(pl.col("item_id") == "twin")["score"][0]
    found = {one.item_id: one.score for one in engine.recommend(RecommendRequest(user="u03", k=80)).items}
    assert found[item] == pytest.approx(score, rel=1e-4)


def test_a_changed_row_of_a_touched_item_changes_its_row_and_says_when_it_moves(engine):
    before = engine.recommend(RecommendRequest(user="u03", k=40))
    item = next(one.item_id for one in before.items if not one.new)
    receipt = engine.put_items([{"item_id": item, "title": "renamed", "brand": "Elsewhere"}], wait=5)
    assert receipt.later == (item,)
    after = engine.recommend(RecommendRequest(user="u03", k=40))
    assert [(i.item_id, i.score) for i in after.items] == [(i.item_id, i.score) for i in before.items]
    assert next(i.title for i in after.items if i.item_id == item) == "renamed"
    assert engine.item(item).row["brand"] == "Elsewhere" and engine.item(item).row["price"] is None
    assert engine.snapshot.attributes.mask("brand", "Elsewhere").sum() == 1
