"""One version in a store: copied, checked, described."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import made_store
import numpy as np
import polars as pl
import pytest
from serving.store.cases import DAMAGE, left_over, refused

import sidelight as sl
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event
from sidelight.serving.engine import Engine
from sidelight.serving.requests import RecommendRequest
from sidelight.serving.store import versions
from sidelight.serving.store.store import Store


def test_a_version_is_the_bundle_and_says_what_it_is(store: Store, bundles: list[Path]) -> None:
    before = datetime.now(UTC)
    found = store.publish(bundles[0], "first", note="from the\nnight run")
    assert found == store.show("first") == store.list()[0]
    assert before <= found.created <= datetime.now(UTC)
    assert (found.note, found.fingerprint) == ("from the night run", "data of seed 0")
    assert store.spec("first")["use"].endswith("EASE") and found.metrics == {"cold.ndcg@10": 0.1}
    assert found.size == sum(p.stat().st_size for p in bundles[0].glob("*/**/*") if p.is_file())
    assert not found.current and not found.previous
    model = sl.load(store.folder("first"))
    assert model.recommend(k=5).equals(sl.load(bundles[0]).recommend(k=5))
    assert store.load("first").recommend(k=5).equals(model.recommend(k=5))


def test_a_model_in_memory_can_be_published(store: Store) -> None:
    model = made_store.model(3)
    name = store.publish(model).name
    assert store.load(name).recommend(k=4).equals(model.recommend(k=4))
    assert left_over(store) == []


def test_a_version_is_a_copy_and_not_a_link(store: Store, bundles: list[Path], tmp_path: Path) -> None:
    source = Path(shutil.copytree(bundles[0], tmp_path / "m"))
    store.publish(source, "a")
    for path in source.rglob("*.npy"):
        path.write_bytes(b"\0" * path.stat().st_size)
    store.check("a")


def test_what_the_manifest_does_not_list_is_not_copied(
    store: Store, bundles: list[Path], tmp_path: Path
) -> None:
    source = Path(shutil.copytree(bundles[0], tmp_path / "m"))
    (source / "secret.txt").write_text("mine")
    store.publish(source, "a")
    assert not (store.folder("a") / "secret.txt").exists()


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "a b", "-f", "x" * 81, "a\n"])
def test_names_that_could_be_paths_are_refused(store: Store, bundles: list[Path], name: str) -> None:
    refused(lambda: store.publish(bundles[0], name), "expected a name")
    assert not store.root.exists()


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_bundle_is_refused(served: Store, bundles: list[Path], tmp_path: Path, what: str) -> None:
    source = Path(shutil.copytree(bundles[0], tmp_path / "m"))
    spoil, said = DAMAGE[what]
    spoil(source)
    refused(lambda: served.publish(source, "bad"), said, str(source))
    assert [each.name for each in served.list()] == ["b", "a"]
    assert left_over(served) == []


def _set(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def spoil(arrays: dict[str, Any], meta: dict[str, Any]) -> None:
        arrays[name] = change(arrays[name].copy())

    return spoil


def _with(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array.flat[-1] = value
        return array

    return change


POISON = {
    "NaN": (_set("scorer/weights", _with(np.nan)), "finite"),
    "infinity": (_set("scorer/weights", _with(-np.inf)), "finite"),
    "NaN in the popularity": (_set("catalogue/popular", _with(np.nan)), "finite"),
    "too few rows": (_set("scorer/weights", lambda w: w[:-1]), "canary"),
    "too few columns": (_set("scorer/weights", lambda w: w[:, :-1]), "canary"),
    "one dimension too many": (_set("scorer/weights", lambda w: w[None]), "canary"),
    "text for numbers": (_set("scorer/weights", lambda w: w.astype(str)), "expected"),
    "ids of other items": (_set("catalogue/item_ids", lambda ids: ids[:-1]), "shape"),
    "weights beyond float32": (_set("scorer/weights", lambda w: w * np.float32(3e38)), "finite scores"),
    "a missing array": (lambda arrays, meta: arrays.pop("scorer/weights"), "arrays of a model"),
    "an unknown scorer": (lambda arrays, meta: meta["scorer"].update(kind="Oracle"), "unknown scorer"),
    "no scorer": (lambda arrays, meta: meta.pop("scorer"), "expected a model"),
    "no options": (lambda arrays, meta: meta.update(spec=[]), "expected"),
    "metrics that are none": (lambda arrays, meta: meta.update(metrics=[1]), "metrics of a model"),
    "a broken catalogue": (lambda arrays, meta: meta.update(catalogue=[]), "arrays of a model"),
}


@pytest.mark.parametrize("what", POISON)
def test_a_poisoned_bundle_with_good_hashes_is_refused(served: Store, tmp_path: Path, what: str) -> None:
    spoil, said = POISON[what]
    folder = made_store.poisoned(tmp_path / "m", made_store.model(), spoil)
    refused(lambda: served.publish(folder, "bad"), said)
    refused(lambda: served.promote("bad"), "'bad'")
    assert served.current_name() == "b" and left_over(served) == []


def test_a_poisoned_model_in_memory_is_refused(store: Store) -> None:
    model = made_store.model()
    model.scorer.weights[3, 3] = np.nan
    refused(lambda: store.publish(model, "bad"), "NaN")
    assert store.list() == []


def test_canaries_that_fail_keep_a_version_from_serving(
    served: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine whose packages compute something else from the same bytes."""
    monkeypatch.setattr(versions, "load", lambda folder: made_store.model(7))
    refused(lambda: served.promote("a"), "the canary", str(served.root / "versions" / "a"))
    assert served.current_name() == "b"


def test_a_copy_of_a_version_under_another_name_is_refused(served: Store) -> None:
    shutil.copytree(served.folder("a"), served.root / "versions" / "c")
    refused(lambda: served.promote("c"), "the folder of 'a'")
    assert list(served.damaged()) == ["c"]


VISITORS = [f"visitor-{n:03d}-{'abcdefg'[n % 7]}" for n in range(37)]


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a blend, fitted on users with ids that no other bytes can be."""
    rng = np.random.default_rng(3)
    rows = [(user, f"item-{i}") for user in VISITORS for i in rng.choice(23, 6, replace=False)]
    times = pl.from_epoch(pl.Series("timestamp", [10**15 + n * 10**6 for n in range(len(rows))]), "us")
    events = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row").with_columns(times)
    words = ("tent", "rope", "stove", "lamp", "boot")
    items = {"item_id": [f"item-{i}" for i in range(23)], "title": [words[i % 5] for i in range(23)]}
    split = sl.split.temporal(sl.from_frames(events, items), validation=0.15, test=0.15)
    spec = sl.Blend((sl.Popular(), sl.EASE(reg=5.0), sl.ContentKNN((sl.Text("title", min_df=1),))), depth=20)
    return spec.fit(split).save(tmp_path_factory.mktemp("visited") / "m", metrics={"ndcg@10": 0.5})


@pytest.mark.parametrize("from_folder", [True, False])
def test_without_people_no_byte_of_a_store_is_about_a_user(
    store: Store, visited: Path, from_folder: bool
) -> None:
    model = sl.load(visited)
    people = model.need_people()

    def found(folder: Path) -> set[str]:
        content = b"".join(f.read_bytes() for f in folder.rglob("*") if f.is_file())
        names = {n for n in VISITORS if any(n.encode(code) in content for code in ("utf-8", "utf-32-le"))}
        arrays = {"start": people.histories.start, "item": people.histories.item}
        return names | {name for name, array in arrays.items() if array.tobytes() in content}

    assert found(visited) == {*people.ids.tolist(), "start", "item"}
    version = store.publish(visited if from_folder else model, "bare", people=False)
    store.promote("bare")
    assert found(store.root) == set()
    assert store.load("bare", check=True).people is None
    assert version.fingerprint == model.items.fingerprint and version.size < sum(
        f.stat().st_size for f in visited.rglob("*") if f.is_file()
    )
    assert version.metrics == ({"ndcg@10": 0.5} if from_folder else {})


def test_without_people_histories_and_stored_events_are_served(
    store: Store, visited: Path, tmp_path: Path
) -> None:
    model = sl.load(visited)
    store.publish(visited, "full")
    store.publish(visited, "bare", people=False)
    store.promote("full")
    store.promote("bare")
    past, known = ("item-1", "item-4"), VISITORS[0]
    at = datetime(2026, 4, 1, tzinfo=UTC)

    def ids(**request: Any) -> list[str]:
        return [one.item_id for one in engine.recommend(RecommendRequest(**request, k=7)).items]

    with Database.open(str(tmp_path / "db.sqlite")) as database, Engine(store, database) as engine:
        expected = model.recommend(histories=[past], k=7)["item_id"].to_list()
        assert ids(history=past) == expected
        assert engine.recommend(RecommendRequest(user=known)).fallback
        events = [Event(known, item, "click", at + timedelta(seconds=n)) for n, item in enumerate(past)]
        assert engine.add_events(events).accepted == 2
        assert ids(user=known) == expected and engine.explain("item-3", user=known).score == pytest.approx(
            model.explain("item-3", history=past).score, rel=1e-5
        )
        engine.forget(known)
        assert engine.recommend(RecommendRequest(user=known)).fallback
        audience, status = engine.audience("item-2"), engine.status()
        assert (audience.people, audience.users, status.users) == ((), 0, 0) and audience.near
        assert engine.put_items([{"item_id": "new", "title": "rope lamp"}], wait=5).placed
        assert engine.rollback().name == "full" and engine.status().users == len(model.need_people())
        assert ids(user=VISITORS[1]) != ids(user=known)
        assert engine.promote("bare").current
        assert engine.compare(RecommendRequest(history=past), "full")[1].version == "full"
