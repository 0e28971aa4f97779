"""The audience of an item."""

from __future__ import annotations

import pytest
import served

from sidelight.errors import DataError, SpecError, UnknownIdError
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.requests import RecommendRequest

TENT = {"title": "sturdy tent no 15", "description": "A sturdy tent for camping.", "brand": "Northfold"}


@pytest.mark.parametrize("name", ["content_knn", "blend"])
def test_the_audience_equals_that_of_the_model(tmp_path, name):
    with served.engine(tmp_path, name) as engine:
        for item in ("i01", "i44"):
            frame = served.model(name).audience([item], k=60)
            found = engine.audience(item=item, k=60)
            assert [one.place for one in found.people] == frame["place"].to_list()
            assert {one.user for one in found.people} == set(frame["user_id"].to_list())
            assert (found.looked_at, found.users) == (60, 60)
            for k in (1, 5, 20):
                few = engine.audience(item=item, k=k)
                have = sum(one.place <= k for one in found.people)
                assert (few.reached, few.first) == (have, k) and len(few.people) <= k


def test_nobody_who_may_not_be_looked_at_is_in_an_audience(engine):
    everybody = [one.user for one in engine.audience(row=TENT, k=60).people]
    engine.set_consent(everybody[0], False)
    engine.forget(everybody[1])
    engine.put_items([{"item_id": "fresh", **TENT}], wait=5)
    engine.add_events([served.event(everybody[2], "fresh"), served.event(everybody[3], "fresh", "dismissal")])
    engine.forget(everybody[4])
    engine.set_consent(everybody[4], True)
    for found in (engine.audience(item="fresh", k=60), engine.audience(item="fresh", k=3)):
        assert not {one.user for one in found.people} & set(everybody[:5])
    few = engine.audience(item="fresh", k=3)
    left = [one.place for one in engine.audience(item="fresh", k=60).people]
    assert len(few.people) == 3 and few.reached == sum(place <= 3 for place in left)


def test_the_audience_counts_what_people_did_since(engine):
    engine.add_events([served.event("u01", item, after=n) for n, item in enumerate(("i03", "i07", "i11"))])
    people = {one.user: (one.place, one.score) for one in engine.audience(row=TENT, k=60).people}
    engine.put_items([{"item_id": "fresh", **TENT}], wait=5)
    listed = {one.item_id: one for one in engine.recommend(RecommendRequest(user="u01", k=81)).items}
    assert people["u01"] == (listed["fresh"].rank, pytest.approx(listed["fresh"].score))


def test_a_large_audience_is_a_sample_that_says_so(tmp_path):
    with served.engine(tmp_path, options=EngineOptions(audience=80 * 20)) as engine:
        found = engine.audience(item="i01", k=60)
        assert (found.looked_at, found.users) == (20, 60) and len(found.people) <= 20
        assert found == engine.audience(item="i01", k=60)


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({}, SpecError, "an item or a row; found neither"),
        ({"item": "i01", "row": {}}, SpecError, "found both"),
        ({"item": "i001"}, UnknownIdError, "did you mean"),
        ({"row": {"titel": "x"}}, DataError, "did you mean 'title'"),
        ({"item": "i01", "k": 0}, SpecError, "k >= 1"),
    ],
)
def test_a_wrong_audience_is_refused(engine, asked, error, said):
    with pytest.raises(error, match=said):
        engine.audience(**asked)
