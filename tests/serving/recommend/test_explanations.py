"""Explanations and similar items equal those of the model."""

from __future__ import annotations

import numpy as np
import pytest
import served

from sidelight.errors import SpecError
from sidelight.serving.requests import RecommendRequest


@pytest.mark.parametrize("name", ["content_knn", "als", "blend", "two_tower"])
def test_similar_equals_the_model(tmp_path, name):
    with served.engine(tmp_path, name) as engine:
        for item in ("i01", "i44"):
            frame = served.model(name).similar([item], k=7)
            found = engine.similar(item, 7)
            assert [one.item_id for one in found] == frame["similar_id"].to_list()
            np.testing.assert_allclose([one.score for one in found], frame["score"].to_numpy(), rtol=1e-5)
        assert len(engine.similar("i01", 500)) <= 79


@pytest.mark.parametrize("name", ["content_knn", "blend", "two_tower"])
def test_reasons_equal_those_of_the_model(tmp_path, name):
    with served.engine(tmp_path, name) as engine:
        for one in engine.recommend(RecommendRequest(user="u03", k=3, explain=True)).items:
            told = served.model(name).explain(one.item_id, user="u03", k=3)
            assert one.why.history == tuple((i, t, pytest.approx(v, abs=1e-5)) for i, t, v in told.history)
            assert one.why.words == tuple((w, pytest.approx(v, abs=1e-5)) for w, v in told.words)
            assert one.why.popularity == pytest.approx(told.popularity, abs=1e-5)
            assert one.why.score == pytest.approx(one.score, rel=1e-4)
            whole = engine.explain(one.item_id, user="u03", k=100)
            assert [i for i, *_ in whole.history[:3]] == [i for i, *_ in one.why.history]
            shares = [whole.popularity, whole.user, whole.context, whole.rest]
            assert sum(shares) + sum(v for *_, v in whole.history) == pytest.approx(1.0, abs=1e-5)
        assert engine.explain(one.item_id, history=()).history == ()
        with pytest.raises(SpecError, match="a user or a history"):
            engine.explain("i01")


def test_events_are_reasons_and_dismissed_items_are_none(engine):
    engine.add_events([served.event("newcomer", "i03"), served.event("newcomer", "i07")])
    why = engine.explain("i43", user="newcomer")
    assert {item for item, _, _ in why.history} <= {"i03", "i07"} and why.history
    engine.add_events([served.event("newcomer", "i03", "dismissal", 9)])
    assert "i03" not in {item for item, _, _ in engine.explain("i43", user="newcomer").history}
