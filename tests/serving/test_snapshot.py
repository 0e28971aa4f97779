"""Snapshots: memory, retired items, rows and order of items."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import http_service
import pytest
import served
from served import no_collector, open_files
from serving.cases import TENT

from sidelight.errors import UnknownIdError
from sidelight.serving.database.connections import POOL
from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.explorer.catalogue_page import newest
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.exploration import Exploration
from sidelight.serving.rerank.rules import ItemCondition, Rules
from sidelight.serving.responses import Retired

FORGETFUL = EngineOptions(keep_previous=False)


def used(engine: Engine) -> dict[str, weakref.ref[object]]:
    """The parts of the snapshot that answers, after it answered in every way."""
    item = engine.recommend(RecommendRequest(user="u01", k=5)).items[0].item_id
    rules = Rules(boost=(ItemCondition("brand", "cork"),), diversity=0.2, floor=0.1)
    engine.recommend(RecommendRequest(user="u01", k=5, rules=rules, explain=True))
    engine.recommend(RecommendRequest(history=(item,), k=5))
    engine.similar(item, 5)
    engine.explain(item, user="u01")
    engine.audience(item)
    engine.search("tent")
    now = engine.snapshot
    own, people = now.model.items, now.model.people
    parts = {
        "snapshot": now, "model": now.model, "scorer": now.model.scorer, "histories": people.histories,
        "item rows": own.rows, "attributes": now.attributes, "words": now.words,
    }  # fmt: skip
    return {name: weakref.ref(part) for name, part in parts.items()}


def alive(parts: dict[str, weakref.ref[object]]) -> list[str]:
    return [name for name, part in parts.items() if part() is not None]


@pytest.mark.parametrize("name", ["content_knn", "blend"])
def test_a_version_that_no_longer_serves_is_gone_at_once(tmp_path: Path, name: str) -> None:
    with served.engine(tmp_path, name, "popular", options=FORGETFUL) as engine, no_collector():
        old = used(engine)
        assert alive(old) == list(old)
        engine.promote("popular")
        assert alive(old) == []


def test_of_the_versions_that_served_before_one_is_kept(tmp_path: Path) -> None:
    with served.engine(tmp_path, "content_knn", "ease", "popular") as engine, no_collector():
        old = used(engine)
        engine.promote("ease")
        assert "snapshot" in alive(old)
        engine.promote("popular")
        assert alive(old) == []


def test_a_snapshot_is_gone_as_soon_as_an_item_is_placed(tmp_path: Path) -> None:
    with served.engine(tmp_path) as engine, no_collector():
        old = weakref.ref(engine.snapshot), weakref.ref(engine.snapshot.model.items.rows)
        engine.put_items([{"item_id": "fresh", "title": "sturdy tent"}], wait=5)
        assert engine.item("fresh").new
        assert [part() is None for part in old] == [True, True]


def files_of(path: Path) -> int:
    """How many times the process has a database or its journals open."""
    return sum(str(each).startswith(str(path.resolve())) for each in open_files())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell")
def test_a_pool_that_is_open_opens_no_more_files(tmp_path: Path) -> None:
    path = tmp_path / "service.sqlite"
    with Database.open(str(path)) as database:
        database.open_pool()
        before, together = files_of(path), threading.Barrier(POOL)

        def look() -> None:
            database._connections.read(lambda connection: together.wait(10))

        threads = [threading.Thread(target=look) for _ in range(POOL)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert not together.broken
        assert files_of(path) == before >= 2 * POOL


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


@pytest.fixture
def engine(tmp_path):
    with served.engine(tmp_path) as made:
        yield made


def test_an_item_is_shown_with_its_row(engine):
    item = engine.item("i01")
    assert item.row["brand"] == "Fernhill" and isinstance(item.row["tags"], list)
    with pytest.raises(UnknownIdError, match="did you mean 'i01'"):
        engine.item("i001")


def test_the_newest_are_ordered_by_arrival_and_never_by_id(engine):
    found, dated = newest(engine, 5)
    assert found and not dated, "nothing tells when the items of the bundle came"
    for name in ("zz", "aa", "mm"):
        engine.put_items([{"item_id": name, **TENT}], wait=5)
    found, dated = newest(engine, 5)
    assert dated and [one.item_id for one in found] == ["mm", "aa", "zz"]
