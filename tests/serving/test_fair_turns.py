"""Costs of requests, and turns of work that can be stopped."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import pytest
import served
from http_service import wait_for

from sidelight.serving import fair_turns
from sidelight.serving.fair_turns import Stopped, Turn, TurnToken, checkpoint, cost, taking
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.rules import Rules


def later(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize(
    "more",
    [
        {"k": 100}, {"k": 10, "explain": True}, {"k": 10, "rules": Rules(diversity=0.5)},
        {"k": 10, "explain": True, "history": tuple("abc"), "user": None},
    ],
)  # fmt: skip
def test_cost_grows_with_all_that_takes_time(more: dict[str, Any]) -> None:
    plain = RecommendRequest("u", k=10)
    dearer = RecommendRequest(**({"user": "u"} | more))
    assert 0 < cost([plain], 1000) < cost([dearer], 1000)
    assert cost([dearer] * 7, 1000) == pytest.approx(7 * cost([dearer], 1000))
    assert cost([dearer], 1_000_000) > cost([dearer], 1000)


def test_checkpoints_outside_of_requests_do_nothing() -> None:
    checkpoint()


def test_a_baton_goes_to_who_has_waited_longest_and_comes_back() -> None:
    baton, order = TurnToken(), []
    baton.take(later())
    threads = []
    for name in "abc":
        waits = len(threads)

        def work(name: str = name) -> None:
            baton.take(later())
            order.append(name)
            baton.give()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        wait_for(lambda waits=waits: len(baton._waiting) == waits + 1)
    assert baton.wanted and not order
    baton.give()
    for each in threads:
        each.join(5)
    assert order == list("abc") and not baton.wanted
    baton.take(later(0.1))  # nobody has it any more


def test_who_waits_for_a_baton_too_long_gives_up_and_does_not_get_it_later() -> None:
    baton = TurnToken()
    baton.take(later())
    with pytest.raises(Stopped):
        baton.take(later(0.01))
    baton.give()
    baton.take(later(0.1))


def test_long_pieces_of_work_go_on_one_at_a_time_and_in_turn() -> None:
    baton, together, at_work, seen = TurnToken(), threading.Barrier(2), [0], []

    def work(name: str) -> None:
        together.wait(5)
        with taking(Turn(later(), baton=baton)):
            for _ in range(20):
                at_work[0] += 1
                assert at_work[0] == 1
                time.sleep(0.002)
                seen.append(name)
                at_work[0] -= 1
                checkpoint()

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for each in threads:
        each.start()
    for each in threads:
        each.join(10)
    assert sorted(seen) == ["a"] * 20 + ["b"] * 20
    assert sum(one != other for one, other in itertools.pairwise(seen)) > 10
    baton.take(later(0.1))


def test_work_that_fails_or_is_stopped_gives_the_baton_on() -> None:
    baton = TurnToken()
    for error in (ValueError, Stopped):
        with pytest.raises(error), taking(Turn(later(), baton=baton)):
            raise error
    with pytest.raises(Stopped), taking(Turn(later(-1), baton=baton)):
        raise AssertionError("it began")
    baton.take(later(0.1))


@pytest.mark.parametrize(
    "work",
    [
        lambda e: e.recommend(RecommendRequest(user="u01", k=20, explain=True)),
        lambda e: e.recommend(RecommendRequest(user="u01", k=20, rules=Rules(diversity=0.5))),
        lambda e: e.recommend_many([RecommendRequest(user=f"u{n:02d}", k=9) for n in range(1, 40)]),
        lambda e: e.recommend_many([RecommendRequest(history=("i01",), candidates=("i02", "i03"))] * 9),
        lambda e: e.audience("i05", k=10),
        lambda e: e.audience(row={"title": "sturdy tent"}, k=10),
        lambda e: e.compare(RecommendRequest(user="u01", k=20), "ease"),
    ],
    ids=["reasons", "diversity", "batch", "candidates", "audience", "new item", "comparison"],
)
def test_all_that_takes_long_stops_between_its_rows(tmp_path, monkeypatch, work):
    with served.engine(tmp_path, "content_knn", "ease") as engine:
        work(engine)
        turn = fair_turns.Turn(time.monotonic() + 60)
        checks = []

        def check():
            checks.append(1)
            if len(checks) == 3:
                raise fair_turns.Stopped

        monkeypatch.setattr(turn, "check", check)
        with pytest.raises(fair_turns.Stopped), fair_turns.taking(turn):
            work(engine)
        work(engine)  # nothing is left of it
