"""The engine as a whole: observers, threads, repeated events."""

from __future__ import annotations

import threading

import pytest
import served

from sidelight.serving.requests import RecommendRequest


@pytest.fixture
def engine(tmp_path):
    with served.engine(tmp_path) as made:
        yield made


def shown(answer):
    return [one.item_id for one in answer.items]


def test_an_event_sent_again_is_neither_new_nor_dropped(engine):
    once = served.event("u01", "i05", event_id="e1")
    assert engine.add_events([once]).accepted == 1
    receipt = engine.add_events([once, served.event("u01", "i06")])
    assert (receipt.accepted, receipt.dropped) == (1, 0)


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
