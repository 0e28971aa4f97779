"""Histories from bundle, events, dismissals and consent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import served
from serving.recommend.cases import same, shown

from sidelight.serving.domain import Event
from sidelight.serving.requests import RecommendRequest


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
