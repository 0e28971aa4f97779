"""Versions are swapped while requests go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import served
from serving.cases import until

from sidelight.errors import BundleError, SidelightError, SpecError
from sidelight.serving import hot_swap
from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.store.store import Store

FAST = EngineOptions(poll=0.02)


def shown(engine, user="u01"):
    answer = engine.recommend(RecommendRequest(user=user, k=8))
    return answer.version, [one.item_id for one in answer.items]


def spoil(store, name, replace=b"\x01"):
    """Change one byte of the largest array of a version."""
    path = max((store.root / "versions" / name / "arrays").rglob("*.npy"), key=lambda p: p.stat().st_size)
    data = bytearray(path.read_bytes())
    data[-1] ^= replace[0]
    path.unlink()  # bundles may be hard links
    path.write_bytes(data)


def test_promote_and_rollback_answer_when_they_return(tmp_path):
    with served.engine(tmp_path, "content_knn", "ease") as engine:
        first = shown(engine)
        assert engine.promote("ease").name == "ease"
        assert engine.snapshot.version == "ease"
        name, items = shown(engine)
        frame = served.model("ease").recommend(users=["u01"], k=8)
        assert (name, items) == ("ease", frame["item_id"].to_list())
        assert engine.rollback().name == "content_knn"
        assert shown(engine) == first
        assert [v.name for v in engine.versions() if v.current] == ["content_knn"]


@pytest.mark.parametrize("keep", [True, False])
def test_a_version_that_comes_back_has_the_items_that_arrived_meanwhile(tmp_path, keep):
    options = EngineOptions(keep_previous=keep)
    with served.engine(tmp_path, "content_knn", "ridge", options=options) as engine:
        engine.promote("ridge")
        engine.put_items([{"item_id": "fresh", "title": "sturdy tent"}], wait=5)
        engine.rollback()
        assert engine.item("fresh").title == "sturdy tent" and engine.snapshot.change == 1


def test_another_process_that_promotes_is_followed(tmp_path):
    with served.engine(tmp_path, "content_knn", "ease", options=FAST, start=True) as engine:
        Store(tmp_path / "store").promote("ease")
        until(lambda: engine.snapshot.version == "ease")
        assert shown(engine)[0] == "ease" and engine.status().refused == ""


@pytest.mark.parametrize("damage", ["byte", "canary", "gone"])
def test_a_bad_version_never_replaces_the_one_that_serves(tmp_path, damage, caplog):
    with served.engine(tmp_path, "content_knn", "ease", options=FAST) as engine:
        store = Store(tmp_path / "store")
        store.promote("ease")
        folder = store.root / "versions" / "ease"
        if damage == "byte":
            spoil(store, "ease")
        elif damage == "canary":
            _wrong_canary(folder)
        else:
            os.rename(folder, tmp_path / "away")
        before = shown(engine)
        engine.start()
        until(lambda: engine.status().refused)
        assert "ease" in engine.status().refused
        assert shown(engine) == before and engine.snapshot.version == "content_knn"
        assert any("refused" in r.message for r in caplog.records)
        store.publish(served.model("ridge"), name="ridge")
        store.promote("ridge")
        until(lambda: engine.snapshot.version == "ridge")
        until(lambda: not engine.status().refused)


def _wrong_canary(folder):
    """Another expected score, sealed again: the bytes are as published, the model answers otherwise."""
    from sidelight.serving.store import version_files
    from sidelight.serving.store.versions import CANARIES, SEAL, SEALED

    content = json.loads((folder / CANARIES).read_text())
    query = next(q for q in content["queries"] if q["scores"] and q["scores"][0] > 0)
    query["scores"][0] *= 2
    (folder / CANARIES).write_text(json.dumps(content))
    (folder / SEAL).write_bytes(version_files.seal_of(folder, SEALED))


def test_a_refused_version_is_not_loaded_again_all_the_time(tmp_path, monkeypatch):
    with served.engine(tmp_path, "content_knn", "ease") as engine:
        store = Store(tmp_path / "store")
        store.promote("ease")
        spoil(store, "ease")
        loads = []
        load = Store.load
        monkeypatch.setattr(
            Store, "load", lambda self, name=None, **how: loads.append(name) or load(self, name, **how)
        )
        for _ in range(5):
            assert not engine._live.follow()
        assert loads == ["ease"]
        monkeypatch.setattr(hot_swap, "AGAIN", 0.0)
        engine._live.follow()
        assert loads == ["ease", "ease"]


def test_promoting_a_bad_version_is_an_error_and_changes_nothing(tmp_path):
    with served.engine(tmp_path, "content_knn", "ease") as engine:
        spoil(Store(tmp_path / "store"), "ease")
        with pytest.raises(BundleError):
            engine.promote("ease")
        with pytest.raises(BundleError, match="did you mean 'ease'"):
            engine.promote("eases")
        assert engine.snapshot.version == "content_knn"
        assert [v.name for v in engine.versions() if v.current] == ["content_knn"]
        with pytest.raises(BundleError, match="served before"):
            engine.rollback()


def test_a_damaged_store_does_not_stop_what_serves(tmp_path):
    with served.engine(tmp_path, "content_knn", "ease") as engine:
        (tmp_path / "store" / "CURRENT").write_bytes(b"\x00torn")
        engine._live.follow()
        assert engine.status().refused and shown(engine)[0] == "content_knn"
        with pytest.raises(SidelightError):
            Engine(Store(tmp_path / "store"), engine.database)


def test_nothing_is_served_from_a_store_without_a_promoted_version(tmp_path):
    store = Store(tmp_path / "store")
    store.publish(served.model(), name="one")
    with (
        Database.open(str(tmp_path / "d.sqlite")) as database,
        pytest.raises(BundleError, match="none was promoted"),
    ):
        Engine(store, database)


def test_a_single_bundle_has_no_versions(tmp_path):
    served.model().save(tmp_path / "bundle")
    with (
        Database.open(str(tmp_path / "d.sqlite")) as database,
        Engine(tmp_path / "bundle", database) as engine,
    ):
        assert shown(engine)[0] == "bundle"
        for call in (engine.versions, engine.rollback, lambda: engine.promote("x")):
            with pytest.raises(SpecError, match="a store of versions; found a single bundle"):
                call()


def test_thirty_two_threads_never_see_two_versions_in_one_answer(tmp_path):
    names = ("content_knn", "ease", "ridge")
    with served.engine(tmp_path, *names, options=FAST, start=True) as engine:
        engine.put_items([{"item_id": "fresh", "title": "sturdy tent"}], wait=5)
        users = [f"u{n:02d}" for n in range(1, 9)]
        expected = {}
        for name in names:
            if name != names[0]:
                engine.promote(name)
            expected[name] = {u: shown(engine, u)[1] for u in users}
        stop, wrong = threading.Event(), []
        seen = {name: 0 for name in names}

        def ask(number):
            user = users[number % len(users)]
            try:
                while not stop.is_set():
                    many = engine.recommend_many(
                        [RecommendRequest(user=user, k=8), RecommendRequest(user=users[0], k=8)]
                    )
                    assert many[0].version == many[1].version
                    name, found = many[0].version, [one.item_id for one in many[0].items]
                    seen[name] += 1
                    if found != expected[name][user]:
                        wrong.append((name, user, found))
                    time.sleep(0.02)  # or nobody else would get to run
            except Exception as error:
                wrong.append(error)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(32)]
        for thread in threads:
            thread.start()
        for turn in range(3):
            engine.promote(names[turn % 3])
            time.sleep(0.05)
        stop.set()
        for thread in threads:
            thread.join()
        assert wrong == [] and all(seen.values())


def test_comparing_asks_both_versions_the_same(tmp_path):
    with served.engine(tmp_path, "content_knn", "ease") as engine:
        engine.put_items([{"item_id": "fresh", "title": "sturdy tent"}], wait=5)
        now, then = engine.compare(RecommendRequest(user="u01", k=5), "ease")
        assert (now.version, then.version) == ("content_knn", "ease") and then.change == 1
        assert [i.item_id for i in then.items] == served.model("ease").recommend(users=["u01"], k=5)[
            "item_id"
        ].to_list()
        kept = engine._live._kept
        engine.compare(RecommendRequest(user="u02"), "ease")
        assert engine._live._kept is not None and engine._live._kept.model.scorer is kept.model.scorer
        same = engine.compare(RecommendRequest(user="u01", k=5), "content_knn")
        assert same[0].items == same[1].items
        with pytest.raises(BundleError):
            engine.compare(RecommendRequest(user="u01"), "nothing")
        assert engine.snapshot.version == "content_knn"


def test_a_rollback_loads_nothing_whatever_was_compared_or_started_meanwhile(tmp_path, monkeypatch):
    names = ("content_knn", "ease", "popular")
    store = served.stored(tmp_path, *names)
    store.promote("ease")
    with (
        Database.open(str(tmp_path / "restarted.sqlite")) as database,
        Engine(store, database, FAST) as engine,
    ):
        until(lambda: engine._live._before is not None)  # after a start as well
        for other in ("popular", "content_knn", "popular"):
            engine.compare(RecommendRequest(user="u01"), other)
        engine.put_items([{"item_id": "fresh", "title": "sturdy tent"}], wait=5)
        until(lambda: engine._live._before.change == 1)

        def never(*given):
            raise AssertionError("a rollback loaded a version")

        monkeypatch.setattr(engine._live, "_loaded", never)
        assert engine.rollback().name == "content_knn"
        assert shown(engine)[0] == "content_knn" and engine.item("fresh").title == "sturdy tent"


@pytest.mark.parametrize("how", ["compare", "promote"])
def test_a_rollback_does_not_wait_for_a_version_that_is_loaded(tmp_path, monkeypatch, how):
    with served.engine(tmp_path, "content_knn", "ease", "popular") as engine:
        engine.promote("ease")
        loads, loading, go = engine._live._loaded, threading.Event(), threading.Event()

        def slow(name):
            loading.set()
            assert go.wait(20)
            return loads(name)

        monkeypatch.setattr(engine._live, "_loaded", slow)
        work = {
            "compare": lambda: engine.compare(RecommendRequest(user="u01"), "popular"),
            "promote": lambda: engine.promote("popular"),
        }
        thread = threading.Thread(target=work[how])
        thread.start()
        assert loading.wait(10)
        assert engine.rollback().name == "content_knn" and engine.snapshot.version == "content_knn"
        go.set()
        thread.join()
        assert engine.snapshot.version == ("popular" if how == "promote" else "content_knn")


KILLED = """
from pathlib import Path
from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.rerank.rules import Rules
from sidelight.serving.store import Store
folder = Path({folder!r})
with Database.open(str(folder / "served.sqlite")) as database:
    with Engine(Store(folder / "store"), database) as engine:
        for n in range(10_000):
            engine.put_items([{{"item_id": f"n{{n}}", "title": "sturdy tent"}}])
            print(n, flush=True)
"""


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_a_kill(tmp_path):
    served.stored(tmp_path, "content_knn")
    code = KILLED.format(folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    last = -1
    for line in process.stdout:
        last = int(line)
        if last >= 20:
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    with (
        Database.open(str(tmp_path / "served.sqlite")) as database,
        Engine(Store(tmp_path / "store"), database) as engine,
    ):
        for n in range(last + 1):
            assert engine.item(f"n{n}").title == "sturdy tent"
