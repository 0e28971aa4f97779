"""The approximate search against the exact one."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest
import served
from serving.cases import cpu

from sidelight.errors import BundleError, MissingExtraError, SpecError
from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.requests import RecommendRequest

HNSW = EngineOptions(search="hnsw")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return served.large(3000, 16, 300).save(tmp_path_factory.mktemp("large") / "bundle")


@pytest.fixture(scope="module")
def both(bundle, tmp_path_factory):
    pytest.importorskip("faiss")
    path = tmp_path_factory.mktemp("data") / "d.sqlite"
    with Database.open(str(path)) as database:
        yield Engine(bundle, database), Engine(bundle, database, HNSW)


def shown(engine, k=10, **who):
    return [(one.item_id, one.source) for one in engine.recommend(RecommendRequest(k=k, **who)).items]


def test_the_approximate_search_finds_what_it_promises(both):
    exact, approximate = both
    assert approximate.status().search == "hnsw" and approximate.status().recall >= 0.95
    assert exact.status().recall is None
    hits = total = 0
    for n in range(60):
        a, b = (shown(e, user=f"u{n:06d}") for e in both)
        hits, total = hits + len({i for i, _ in a} & {i for i, _ in b}), total + len(a)
        ranked = [one.score for one in approximate.recommend(RecommendRequest(user=f"u{n:06d}")).items]
        assert ranked == sorted(ranked, reverse=True) and len(set(b)) == 10
    assert hits / total >= 0.95


def test_nothing_seen_is_found_and_what_it_cannot_do_is_done_exactly(both):
    exact, approximate = both
    own, people = exact.snapshot.model.items, exact.snapshot.model.people
    for n in range(20):
        at = people.find([f"u{n:06d}"])[0]
        seen = set(own.ids[people.histories.matrix()[at].indices].tolist())
        assert not seen & {i for i, _ in shown(approximate, k=50, user=f"u{n:06d}")}
    for who in (
        {"user": "nobody"},
        {"history": ()},
        {"user": "u000001", "candidates": ("i0000001", "i0000002")},
    ):
        assert shown(exact, **who) == shown(approximate, **who)
    assert shown(exact, k=3000, user="u000003") == shown(approximate, k=3000, user="u000003")


def test_items_that_arrive_or_change_are_found_without_a_new_graph(bundle, tmp_path):
    pytest.importorskip("faiss")
    with Database.open(str(tmp_path / "d.sqlite")) as database:
        engine, exact = Engine(bundle, database, HNSW), Engine(bundle, database)
        graph = engine.snapshot.search.graph
        own = engine.snapshot.model.items
        old = str(own.ids[np.flatnonzero(own.popular == 0)[0]])
        row = {"title": "tent with rope"}
        engine.put_items([{"item_id": "fresh", **row}, {"item_id": old, **row}], wait=5)
        exact._live.catch_up()
        assert engine.snapshot.search.graph is graph and engine.snapshot.search.stale.sum() == 2
        found = 0
        for n in range(100):
            a, b = (
                {i for i, _ in shown(e, k=40, user=f"u{n:06d}")} & {"fresh", old} for e in (exact, engine)
            )
            assert a == b
            found += len(a)
        assert found > 0


def test_a_recall_below_the_option_is_refused(bundle, tmp_path, monkeypatch):
    pytest.importorskip("faiss")
    from sidelight.serving.search import hnsw_search

    monkeypatch.setattr(hnsw_search, "LINKS", 2)
    monkeypatch.setattr(hnsw_search, "BUILD", 2)
    monkeypatch.setattr(hnsw_search, "LOOKS", (1, 2))
    with (
        Database.open(str(tmp_path / "d.sqlite")) as database,
        pytest.raises(
            BundleError, match=r"recall@100 of at least 0.95 from the approximate search; found 0\.\d+"
        ),
    ):
        Engine(bundle, database, HNSW)


def test_the_approximate_search_needs_vectors_and_its_package(bundle, tmp_path, monkeypatch):
    with Database.open(str(tmp_path / "d.sqlite")) as database:
        with pytest.raises(
            SpecError, match="a scorer with vectors for search='hnsw'; found ContentKNNScorer"
        ):
            Engine(served.bundle(), database, HNSW)
        monkeypatch.setitem(sys.modules, "faiss", None)
        with pytest.raises(MissingExtraError, match="sidelight\\[ann\\]"):
            Engine(bundle, database, HNSW)


def test_als_has_vectors_too(tmp_path):
    pytest.importorskip("faiss")
    with Database.open(str(tmp_path / "d.sqlite")) as database:
        exact, approximate = (Engine(served.bundle("als"), database, o) for o in (EngineOptions(), HNSW))
        for n in range(1, 30):
            assert shown(exact, user=f"u{n:02d}") == shown(approximate, user=f"u{n:02d}")


@pytest.mark.slow
def test_a_search_and_an_arrival_are_quick_at_a_hundred_thousand_items(big):
    big.search("tent")
    words = ["tent", "lantern with rope", "i00123", "stove with pan no 77"]
    assert cpu({"search": lambda t: big.search(words[t % 4])}, 20)["search"] < 0.02
    with big:
        start = time.monotonic()
        assert big.put_items([{"item_id": "fresh", "title": "tent with rope"}], wait=10).placed
        assert time.monotonic() - start < 1.0
