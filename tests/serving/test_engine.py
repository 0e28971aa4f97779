"""Lists of the engine: equal to those of the model, for people as they may be known."""

from __future__ import annotations

import threading
import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import served
from hypothesis import given, settings
from hypothesis import strategies as st

import sidelight as sl
from sidelight.errors import SpecError
from sidelight.models.recommender import UnknownHistoryWarning
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event
from sidelight.serving.engine import Engine
from sidelight.serving.recommend import batch_scoring
from sidelight.serving.requests import RecommendRequest

KINDS = ("popular", "ease", "content_knn", "als", "blend", "two_tower")
ITEMS = [f"i{n:02d}" for n in range(1, 81)]


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engines")
    made = {}
    with Database.open(str(folder / "none.sqlite")) as database:

        def get(name):
            if name not in made:
                served.model(name).save(folder / name)
                made[name] = Engine(folder / name, database)
            return made[name]

        yield get


@pytest.fixture
def engine(tmp_path):
    with served.engine(tmp_path) as made:
        yield made


def shown(answer):
    return [one.item_id for one in answer.items]


def same(answer, frame):
    """The list of an answer equals one of `Recommender.recommend`, up to rounding of float sums."""
    ids, scores = frame["item_id"].to_list(), frame["score"].to_numpy()
    found = np.array([one.score for one in answer.items])
    assert len(found) == len(scores)
    np.testing.assert_allclose(found, scores, rtol=2e-4, atol=1e-6)
    assert [one.source for one in answer.items] == frame["source"].to_list()
    assert [one.rank for one in answer.items] == frame["rank"].to_list()
    for at, (mine, theirs) in enumerate(zip(shown(answer), ids, strict=True)):
        if mine != theirs:  # only items that rounding put level may have changed places
            where = ids.index(mine) if mine in ids else len(ids) - 1
            assert scores[where] == pytest.approx(scores[at], rel=2e-4, abs=1e-6)


people = st.sampled_from([*(f"u{n:02d}" for n in range(1, 61)), "nobody"])
histories = st.lists(st.sampled_from([*ITEMS, "gone", "lost"]), max_size=12)
choices = st.none() | st.lists(st.sampled_from(ITEMS), min_size=1, max_size=30, unique=True)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=25)
@given(who=people | histories, k=st.integers(1, 90), seen=st.booleans(), only=choices)
def test_a_list_equals_that_of_the_model(engines, name, who, k, seen, only):
    asked = {"user": who} if isinstance(who, str) else {"history": tuple(who)}
    candidates = None if only is None else tuple(only)
    answer = engines(name).recommend(RecommendRequest(**asked, k=k, filter_seen=seen, candidates=candidates))
    them = {"users": [who]} if isinstance(who, str) else {"histories": [who]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownHistoryWarning)
        frame = served.model(name).recommend(**them, k=k, filter_seen=seen, candidates=only)
    same(answer, frame)
    assert answer.unknown == (
        () if isinstance(who, str) else tuple(dict.fromkeys(i for i in who if i > "i99" or i == "gone"))
    )
    assert answer.fallback == (
        len(frame) > 0 and frame["source"][0] in ("popular:unknown-user", "popular:empty-history")
    )


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("cells", [1, 1 << 24])
def test_many_lists_equal_single_ones(engines, name, cells, monkeypatch):
    monkeypatch.setattr(batch_scoring, "CELLS", cells)
    asks = [RecommendRequest(user=f"u{n:02d}", k=7) for n in range(1, 20)]
    asks += [
        RecommendRequest(history=("i03", "i07"), k=3),
        RecommendRequest(user="nobody", k=7),
        RecommendRequest(user="u05", k=4, candidates=("i09", "i11")),
    ]
    for many in (asks, asks[:19]):
        for ask, answer in zip(many, engines(name).recommend_many(many), strict=True):
            them = {"users": [ask.user]} if ask.user else {"histories": [ask.history]}
            same(answer, served.model(name).recommend(**them, k=ask.k, candidates=ask.candidates))


def test_titles_and_newness_are_told(engine):
    model = served.model()
    titles = dict(model.items.rows.select("item_id", "title").iter_rows())
    count = dict(zip(model.items.ids.tolist(), model.items.popular.tolist(), strict=True))
    answer = engine.recommend(RecommendRequest(user="u03", k=60))
    assert all(one.title == titles[one.item_id] for one in answer.items)
    assert all(one.new == (count[one.item_id] == 0) for one in answer.items)
    assert any(one.new for one in answer.items) and not all(one.new for one in answer.items)
    assert {one.propensity for one in answer.items} == {1.0}


def test_events_move_the_next_list_and_dismissals_leave_it(engine):
    before = engine.recommend(RecommendRequest(user="u02", k=10))
    first, second = shown(before)[:2]
    engine.add_events([served.event("u02", first)])
    assert first not in shown(engine.recommend(RecommendRequest(user="u02", k=80)))
    stored, people = served.model().items, served.model().people
    at = people.find(["u02"])[0]
    history = [*stored.ids[people.histories.matrix()[at].indices].tolist(), first]
    same(
        engine.recommend(RecommendRequest(user="u02", k=10)),
        served.model().recommend(histories=[history], k=10),
    )

    engine.add_events([served.event("u02", second, "dismissal", 1)])
    for seen in (True, False):
        assert second not in shown(engine.recommend(RecommendRequest(user="u02", k=80, filter_seen=seen)))
    engine.add_events([served.event("u02", second, "purchase", 2)])
    assert second in shown(engine.recommend(RecommendRequest(user="u02", k=80, filter_seen=False)))


def test_a_dismissed_item_of_the_stored_history_no_longer_counts(engine):
    stored, people = served.model().items, served.model().people
    at = people.find(["u04"])[0]
    history = stored.ids[people.histories.matrix()[at].indices].tolist()
    engine.add_events([served.event("u04", history[0], "dismissal")])
    frame = served.model().recommend(histories=[history[1:]], k=40).filter(pl.col("item_id") != history[0])
    answer = engine.recommend(RecommendRequest(user="u04", k=len(frame)))
    same(answer, frame)


def test_somebody_new_is_known_by_events_alone(engine):
    assert engine.recommend(RecommendRequest(user="newcomer")).fallback
    engine.add_events([served.event("newcomer", "i03", kind, n) for n, kind in enumerate(("view", "click"))])
    answer = engine.recommend(RecommendRequest(user="newcomer", k=8))
    assert not answer.fallback
    same(answer, served.model().recommend(histories=[["i03"]], k=8))
    engine.add_events([served.event("newcomer", "i03", "dismissal", 5)])
    gone = engine.recommend(RecommendRequest(user="newcomer", k=80))
    assert gone.fallback and "i03" not in shown(gone) and len(gone.items) == 79


def test_events_of_unknown_items_are_kept_for_when_the_item_comes(engine):
    engine.add_events([served.event("newcomer", "tomorrow")])
    assert engine.recommend(RecommendRequest(user="newcomer")).fallback
    engine.put_items([{"item_id": "tomorrow", "title": "sturdy tent"}], wait=5)
    assert not engine.recommend(RecommendRequest(user="newcomer")).fallback


@pytest.mark.parametrize("how", ["consent", "forget"])
def test_nothing_is_used_without_consent_or_after_forgetting(tmp_path, how):
    with served.engine(tmp_path, "two_tower") as engine:
        engine.add_events([served.event("u05", "i03")])
        assert not engine.recommend(RecommendRequest(user="u05")).fallback
        if how == "consent":
            engine.set_consent("u05", False)
        else:
            assert engine.forget("u05") == 1
        answer = engine.recommend(RecommendRequest(user="u05", k=80))
        assert answer.fallback and {one.source for one in answer.items} == {"popular:unknown-user"}
        same(answer, served.model("two_tower").recommend(users=["somebody unknown"], k=80))
        receipt = engine.add_events([served.event("u05", "i09")])
        assert (receipt.accepted, receipt.dropped) == (0, 1)
        if how == "consent":
            engine.set_consent("u05", True)
            same(
                engine.recommend(RecommendRequest(user="u05", filter_seen=False, k=5)),
                served.model("two_tower").recommend(
                    histories=[[*_history("two_tower", "u05"), "i03"]], k=5, filter_seen=False
                ),
            )


def _history(name, user):
    stored, people = served.model(name).items, served.model(name).people
    return stored.ids[people.histories.matrix()[people.find([user])[0]].indices].tolist()


def test_who_comes_back_is_known_by_what_came_since(engine):
    engine.forget("u06")
    engine.set_consent("u06", True)
    assert engine.recommend(RecommendRequest(user="u06")).fallback
    soon = datetime.now(UTC) + timedelta(seconds=1)
    engine.add_events([Event("u06", "i03", "click", soon)])
    same(
        engine.recommend(RecommendRequest(user="u06", k=5)),
        served.model().recommend(histories=[["i03"]], k=5),
    )


def test_an_event_sent_again_is_neither_new_nor_dropped(engine):
    once = served.event("u01", "i05", event_id="e1")
    assert engine.add_events([once]).accepted == 1
    receipt = engine.add_events([once, served.event("u01", "i06")])
    assert (receipt.accepted, receipt.dropped) == (1, 0)


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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "a user or a history; found neither"),
        ({"user": "u", "history": ()}, "a user or a history; found both"),
        ({"user": "u", "k": 0}, "k >= 1"),
        ({"user": "u", "k": True}, "k >= 1"),
        ({"history": "i01"}, "list of str.*option 'history'"),
        ({"user": "u", "candidates": "i01"}, "list of str.*option 'candidates'"),
    ],
)
def test_a_wrong_ask_is_refused_when_it_is_made(wrong, said):
    with pytest.raises(SpecError, match=said):
        RecommendRequest(**wrong)


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


def test_observers_are_told_and_may_fail(engine):
    told = []

    def broken(answer, seconds):
        raise RuntimeError("a metric")

    engine.on_answer(broken)
    engine.on_answer(lambda answer, seconds: told.append((answer.request_id, seconds)))
    answers = engine.recommend_many([RecommendRequest(user="u01"), RecommendRequest(user="u02")])
    assert [name for name, _ in told] == [a.request_id for a in answers]
    assert all(seconds > 0 for _, seconds in told) and answers[0].request_id != answers[1].request_id


def test_threads_get_the_lists_that_they_would_get_alone(engines):
    engine = engines("blend")
    alone = {
        u: shown(engine.recommend(RecommendRequest(user=u, k=9))) for u in (f"u{n:02d}" for n in range(1, 33))
    }
    wrong = []

    def ask(user):
        for _ in range(20):
            if shown(engine.recommend(RecommendRequest(user=user, k=9))) != alone[user]:
                wrong.append(user)

    threads = [threading.Thread(target=ask, args=(user,)) for user in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
