"""Around the lists: search, single items, what is similar, why, and who would get an item."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import served

from sidelight.errors import DataError, SpecError, UnknownIdError
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.explorer.catalogue_page import newest
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.search.text_search import TextSearch

TENT = {"title": "sturdy tent no 15", "description": "A sturdy tent for camping.", "brand": "Northfold"}


@pytest.fixture
def engine(tmp_path):
    with served.engine(tmp_path) as made:
        yield made


def words(titles, texts=None, ids=None, popular=None):
    size = len(titles)
    ids = np.array([f"i{n}" for n in range(size)] if ids is None else ids)
    others = [] if texts is None else [pl.Series(texts)]
    counts = np.zeros(size, np.float32) if popular is None else np.array(popular, np.float32)
    return TextSearch.of(ids, pl.Series(titles, dtype=pl.String), others, counts)


def test_search_finds_words_in_any_order_and_case():
    index = words(["Sturdy TENT", "Tent peg, sturdy", "Stove", None])
    assert index.find("tent sturdy", 9) == [0, 1] and index.find("TENT", 9) == [1, 0]
    assert index.find("stove", 9) == [2] and index.find("nothing", 9) == []
    assert index.find("", 9) == [] and index.find("  ", 9) == [] and index.find("a.*(", 9) == []


def test_search_puts_ids_first_then_beginnings_then_the_popular():
    titles = ["rope", "a rope", "strope", "rope ladder", "ropes", "text only"]
    index = words(
        titles,
        ["", "", "", "", "", "a rope in it"],
        ["x1", "x2", "x3", "x4", "x5", "rope9"],
        [0, 9, 9, 1, 2, 0],
    )
    assert index.find("rope", 9) == [5, 4, 3, 0, 1, 2]
    assert index.find("rope", 2) == [5, 4]
    assert words(["x"] * 3, ids=["ab", "a", "abc"]).find("a", 9) == [1, 0, 2]


def test_search_looks_into_texts_when_titles_do_not_suffice():
    index = words(["tent", "stove"], ["for camping", "burns near a tent"])
    assert index.find("tent", 5) == [0, 1] and index.find("tent", 1) == [0]
    assert index.find("camping tent", 5) == [0]


def test_the_engine_searches_with_what_arrived(engine):
    engine.put_items([{"item_id": "Fresh-1", "title": "Ünübertroffen tent"}], wait=5)
    assert [s.item_id for s in engine.search("ÜNÜBERTROFFEN")] == ["Fresh-1"]
    assert engine.search("fresh-1", 1)[0].title == "Ünübertroffen tent"
    found = engine.search("tent", 50)
    assert all("tent" in (s.title + str(s.row["description"])).lower() for s in found)
    assert engine.search("i0", 3)[0].item_id.startswith("i0")
    with pytest.raises(SpecError, match="k >= 1"):
        engine.search("tent", 0)


def test_an_item_is_shown_with_its_row(engine):
    item = engine.item("i01")
    assert item.row["brand"] == "Fernhill" and isinstance(item.row["tags"], list)
    with pytest.raises(UnknownIdError, match="did you mean 'i01'"):
        engine.item("i001")


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


def test_the_newest_are_ordered_by_arrival_and_never_by_id(engine):
    found, dated = newest(engine, 5)
    assert found and not dated, "nothing tells when the items of the bundle came"
    for name in ("zz", "aa", "mm"):
        engine.put_items([{"item_id": name, **TENT}], wait=5)
    found, dated = newest(engine, 5)
    assert dated and [one.item_id for one in found] == ["mm", "aa", "zz"]


def test_events_are_reasons_and_dismissed_items_are_none(engine):
    engine.add_events([served.event("newcomer", "i03"), served.event("newcomer", "i07")])
    why = engine.explain("i43", user="newcomer")
    assert {item for item, _, _ in why.history} <= {"i03", "i07"} and why.history
    engine.add_events([served.event("newcomer", "i03", "dismissal", 9)])
    assert "i03" not in {item for item, _, _ in engine.explain("i43", user="newcomer").history}


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
