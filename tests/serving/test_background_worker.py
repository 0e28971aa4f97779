"""The threads behind the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection

import pytest
import served
from serving.cases import TENT, until

from sidelight.serving.database.database import Database
from sidelight.serving.domain import DatabaseError
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.rerank.exploration import Exploration


def shown(engine, k=20, **who):
    return [one.item_id for one in engine.recommend(RecommendRequest(k=k, **who)).items]


def test_all_replicas_of_a_database_get_it(tmp_path):
    with (
        served.engine(tmp_path, start=True) as one,
        Database.open(str(tmp_path / "served.sqlite")) as database,
    ):
        with Engine(served.bundle(), database) as other:
            start = time.monotonic()
            one.put_items([{"item_id": "fresh", **TENT}], wait=5)
            until(lambda: other.snapshot.change == 1)
            assert time.monotonic() - start < 1.0
            assert shown(one, user="u03") == shown(other, user="u03")
        later = Engine(served.bundle(), database)
        assert later.snapshot.change == 1 and shown(later, user="u03") == shown(one, user="u03")


def test_the_worker_outlives_a_database_that_fails(tmp_path, monkeypatch):
    with served.engine(tmp_path, options=EngineOptions(poll=0.01)) as engine:
        fails = [True]
        since = Database.items_since

        def broken(self, change, limit=1000):
            if fails[0]:
                raise DatabaseError("the disk is away", retry=True)
            return since(self, change, limit)

        monkeypatch.setattr(Database, "items_since", broken)
        monkeypatch.setattr(Database, "items_waiting", lambda self, change: len(broken(self, change)))
        monkeypatch.setattr("sidelight.serving.background_worker.REST", 0.02)
        engine.start()
        until(lambda: "the disk is away" in engine._worker.trouble)
        assert engine.status().trouble.endswith("database: the disk is away")
        assert shown(engine, user="u01")
        assert engine.put_items([{"item_id": "fresh", **TENT}], wait=0.05).placed is False
        fails[0] = False
        until(lambda: engine.snapshot.change == 1)
        until(lambda: engine.status().trouble == "")


def threads(others: Collection[threading.Thread] = ()) -> list[str]:
    """Names of the workers' threads but for some others; those of requests have other names."""
    names = [t.name for t in threading.enumerate() if t not in others]
    return sorted(n for n in names if n in ("sidelight-items", "sidelight-versions"))


def test_closing_ends_the_threads_and_may_be_repeated(tmp_path):
    others = threading.enumerate()  # of services that other tests share
    with served.engine(tmp_path, start=True) as engine:
        engine.start()
        assert threads(others) == ["sidelight-items", "sidelight-versions"]
        engine.close()
        engine.close()
        assert not threads(others)
        engine.start()
        assert engine.put_items([{"item_id": "fresh", **TENT}], wait=5).placed


def test_readers_in_flight_keep_their_snapshot(engine):
    old = engine.snapshot
    engine.put_items([{"item_id": "fresh", **TENT}], wait=5)
    assert old.n_items == 80 and engine.snapshot.n_items == 81
    assert old.model.score(old.model.people.histories.matrix()).shape == (60, 80)
    assert old.items.find("fresh") == -1 and len(old.titles) == 80


def test_the_buffer_of_exposures_is_bounded_and_survives_a_failure(tmp_path, monkeypatch):
    options = EngineOptions(exploration=Exploration(rate=0.5), exposures=12)
    with served.engine(tmp_path, "blend", options=options) as engine:
        add = type(engine.database).add_exposures

        def broken(self, rows):
            raise OSError("the disk is full")

        monkeypatch.setattr(type(engine.database), "add_exposures", broken)
        for _ in range(3):
            engine.recommend(RecommendRequest(user="u03", k=5))
        with pytest.raises(OSError, match="full"):
            engine.close()
        status = engine.status()
        assert (status.exposures_waiting, status.exposures_lost) == (12, 3)
        monkeypatch.setattr(type(engine.database), "add_exposures", add)
        engine.close()
        assert len(engine.database.exposures()) == 12
