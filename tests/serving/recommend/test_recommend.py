"""Responses of an engine."""

from __future__ import annotations

import pytest
import served
from serving.recommend.cases import same, shown

import sidelight as sl
from sidelight.errors import SpecError
from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.requests import RecommendRequest


def test_titles_and_newness_are_told(engine):
    model = served.model()
    titles = dict(model.items.rows.select("item_id", "title").iter_rows())
    count = dict(zip(model.items.ids.tolist(), model.items.popular.tolist(), strict=True))
    answer = engine.recommend(RecommendRequest(user="u03", k=60))
    assert all(one.title == titles[one.item_id] for one in answer.items)
    assert all(one.new == (count[one.item_id] == 0) for one in answer.items)
    assert any(one.new for one in answer.items) and not all(one.new for one in answer.items)
    assert {one.propensity for one in answer.items} == {1.0}


def test_unknown_ids_are_reported_once_and_left_out(engine):
    answer = engine.recommend(
        RecommendRequest(history=("i03", "zz", "i03", "yy", "zz"), candidates=("i05", "qq", "i05"))
    )
    assert answer.unknown == ("zz", "yy", "qq")
    assert shown(answer) == ["i05"]
    assert shown(engine.recommend(RecommendRequest(user="u01", candidates=("qq",)))) == []
    assert shown(engine.recommend(RecommendRequest(user="u01", candidates=()))) == []


def test_ids_may_be_long_strange_or_numbers(tmp_path, engine):
    for item in ("x" * 5000, "\U0001f6d2", "I03"):
        assert engine.recommend(RecommendRequest(history=(item,))).unknown == (item,)
    for item in ("i03\u0000", " i03"):
        assert engine.recommend(RecommendRequest(history=(item,))).unknown == ()
    items = {"item_id": [7, 17, 27, 37], "title": ["red tent", "red pan", "blue tent", "blue pan"]}
    events = {"user_id": [1, 1, 2, 2, 3, 3] * 3, "item_id": [7, 17, 17, 27, 27, 37] * 3}
    events["timestamp"] = list(range(1_700_000_000, 1_700_000_018))
    data = sl.from_frames(events, items)
    sl.ContentKNN((sl.Text("title", min_df=1),)).fit(sl.split.automatic(data)).save(tmp_path / "numbers")
    with Database.open(str(tmp_path / "n.sqlite")) as database:
        numbers = Engine(tmp_path / "numbers", database)
        answer = numbers.recommend(RecommendRequest(history=("7", "x", "1.0")))
        assert answer.unknown == ("x", "1.0") and "27" in shown(answer)
        assert not numbers.recommend(RecommendRequest(user="1")).fallback


def test_unknown_context_is_refused(engine):
    with pytest.raises(SpecError, match="a column of context of this model; found 'hour'"):
        engine.recommend(RecommendRequest(user="u01", context={"hour": 7}))


def test_attributes_and_context_are_used_as_in_the_model(tmp_path):
    spec = sl.TwoTower(
        content=(served.TITLE,), dim=8, users=(sl.Categories("gender"),), context=(sl.Categories("hour"),),
        options=sl.TrainingOptions(epochs=1, min_steps=2), sensitive=True,
    )  # fmt: skip
    model = spec.fit(served.split())
    model.save(tmp_path / "m")
    with Database.open(str(tmp_path / "d.sqlite")) as database:
        engine = Engine(tmp_path / "m", database)
        moments = [{"hour": 7}, {}, {"hour": 20}, {"hour": 7}]
        asks = [RecommendRequest(user=f"u{n:02d}", context=m, k=6) for n, m in enumerate(moments, 1)]
        for ask, answer in zip(asks, engine.recommend_many(asks), strict=True):
            same(answer, model.recommend(users=[ask.user], k=6, context=ask.context))
        for who in ({"user": "nobody"}, {"history": ()}, {"history": ("i04",)}):
            them = {"users": [who["user"]]} if "user" in who else {"histories": [list(who["history"])]}
            same(
                engine.recommend(RecommendRequest(**who, k=6, context={"hour": 7})),
                model.recommend(**them, k=6, context={"hour": 7}),
            )
        engine.set_consent("u01", False)
        hidden = engine.recommend(RecommendRequest(user="u01", k=6))
        same(hidden, model.recommend(users=["nobody"], k=6))
        with pytest.raises(SpecError, match="hour from 0 to 23"):
            engine.recommend(RecommendRequest(user="u02", context={"hour": 99}))
