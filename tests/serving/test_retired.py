"""Retired items stand in no list, whatever is asked, until they are restored."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import http_service
import pytest
import served

from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.exploration import Exploration
from sidelight.serving.rerank.rules import Rules
from sidelight.serving.responses import Retired

ALL = 1000
EXPLORING = EngineOptions(exploration=Exploration(rate=0.9))


def listed(engine: Engine, **asked: Any) -> set[str]:
    return {one.item_id for one in engine.recommend(RecommendRequest(k=ALL, **asked)).items}


def ruled(engine: Engine, **rules: Any) -> set[str]:
    return listed(engine, history=("i01",), rules=Rules.from_dict(rules))


WAYS: dict[str, Callable[[Engine, str], set[str]]] = {
    "user": lambda e, item: listed(e, user="u01"),
    "unknown": lambda e, item: listed(e, user="nobody"),
    "empty": lambda e, item: listed(e, history=()),
    "history": lambda e, item: listed(e, history=("i01", "i05"), filter_seen=False),
    "itself": lambda e, item: listed(e, history=(item,), filter_seen=False),
    "candidates": lambda e, item: listed(e, user="u01", candidates=(item, "i02"), filter_seen=False),
    "pinned": lambda e, item: ruled(e, pin=[{"item": item, "place": 1}]),
    "floor": lambda e, item: ruled(e, floor=0.5),
    "batch": lambda e, item: {
        one.item_id
        for answer in e.recommend_many(
            [RecommendRequest(user="u02", k=ALL), RecommendRequest(history=("i03",), k=5)]
        )
        for one in answer.items
    },
    "similar": lambda e, item: {one.item_id for one in e.similar("i01", ALL)},
    "search": lambda e, item: {one.item_id for one in e.search(item, ALL)},
}  # fmt: skip


@pytest.mark.parametrize("model", ["content_knn", "blend", "ease", "two_tower"])
def test_a_retired_item_is_in_no_list_and_comes_back(tmp_path: Path, model: str) -> None:
    for explores in (EngineOptions(), EXPLORING):
        with served.engine(tmp_path, model, options=explores) as engine:
            own = engine.snapshot
            items = [own.id_of(int(own.popular[0])), own.id_of(int(own.newest[0]))]  # an old and a new one
            before = {(w, item): item in way(engine, item) for w, way in WAYS.items() for item in items}
            assert sum(before.values()) > len(items)
            assert engine.retire([*items, items[0]]).changed == 2 and engine.retire(items).changed == 0
            assert not [(w, item) for w, way in WAYS.items() for item in items if item in way(engine, item)]
            assert engine.item(items[0]).retired and engine.audience(item=items[0]).people == ()
            assert engine.retire(items, False) == Retired((), 2) and engine.retired() == ()
            if explores is not EXPLORING:  # with chance in them lists differ
                after = {(w, item): item in way(engine, item) for w, way in WAYS.items() for item in items}
                assert after == before


def test_it_holds_over_restarts_and_versions_and_for_items_that_come_later(tmp_path: Path) -> None:
    with served.engine(tmp_path, "content_knn", "ease") as engine:
        assert engine.retire(["i03", "later"]) == Retired(("i03", "later"), 2, ("later",))
        for change in (lambda: engine.promote("ease"), engine.rollback):
            change()
            assert "i03" not in listed(engine, user="nobody") and engine.retired() == ("i03", "later")
        engine.put_items(
            [{"item_id": "later", "title": "folding spade"}, {"item_id": "i03", "title": "x"}], 5
        )
        assert not {"i03", "later"} & listed(engine, user="nobody")
    with served.engine(tmp_path, "ease") as engine:
        assert "i03" not in listed(engine, user="nobody") and engine.retired() == ("i03", "later")
        engine.retire(["later"], False)
        assert engine.retired() == ("i03",)


def test_another_service_follows_within_a_second(tmp_path: Path) -> None:
    with served.engine(tmp_path, options=EngineOptions(poll=0.05), start=True) as engine:
        engine.database.retire(["i03"])
        http_service.wait_for(lambda: "i03" not in listed(engine, user="nobody"), 1.0)
        engine.database.retire(["i03"], False)
        http_service.wait_for(lambda: "i03" in listed(engine, user="nobody"), 1.0)


def test_retiring_waits_for_no_placing(tmp_path: Path) -> None:
    with served.engine(tmp_path) as engine:
        done = threading.Event()
        with engine._live._placing:
            thread = threading.Thread(target=lambda: (engine.retire(["i03"]), done.set()))
            thread.start()
            assert done.wait(5) and "i03" not in listed(engine, user="nobody")
            thread.join()
