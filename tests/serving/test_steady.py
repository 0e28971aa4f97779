"""What a service holds does not grow: versions that no longer serve, and files that are open."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path

import pytest
import served
from served import no_collector, open_files

from sidelight.serving.database.connections import POOL
from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.rules import ItemCondition, Rules

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
