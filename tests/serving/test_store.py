"""A store holds sound versions only, one of them serves, and none of it depends on luck."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import made_store
import numpy as np
import pytest

import sidelight as sl
from sidelight.errors import BundleError, SpecError
from sidelight.manifest import MANIFEST, SEAL, seal
from sidelight.serving.store import store as store_module
from sidelight.serving.store import version_files, versions
from sidelight.serving.store.store import PUBLISHING, SERVING, Store


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("bundles")
    return [made_store.model(seed).save(place / f"m{seed}", metrics={"cold.ndcg@10": 0.1}) for seed in (0, 1)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def fill(store: Store, bundles: list[Path]) -> Store:
    for name, bundle in zip("ab", bundles, strict=True):
        store.publish(bundle, name)
        store.promote(name)
    return store


@pytest.fixture(scope="module")
def template(bundles: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(Store(tmp_path_factory.mktemp("template") / "store"), bundles).root


@pytest.fixture
def served(template: Path, store: Store) -> Store:
    """Two versions, `a` and `b`, both promoted one after the other: `b` serves.

    A copy, as after a restored backup: the files are the same, their stamps are not.
    """
    shutil.copytree(template, store.root)
    return store


def refused(call: Callable[[], object], *said: str) -> None:
    with pytest.raises((BundleError, SpecError)) as error:
        call()
    assert "\n" not in str(error.value)
    for part in said:
        assert part in str(error.value)


def left_over(store: Store) -> list[str]:
    hidden = [
        p.name for p in [*store.root.iterdir(), *(store.root / "versions").iterdir()] if p.name[0] == "."
    ]
    return sorted(set(hidden) - {PUBLISHING, SERVING})


# Publishing --------------------------------------------------------------------------------------


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


def test_names_come_from_the_clock_and_differ(store: Store, bundles: list[Path]) -> None:
    names = [store.publish(bundles[0]).name for _ in range(3)]
    assert len(set(names)) == 3
    assert [each.name for each in store.list()] == names[::-1]
    assert all(name.startswith(str(datetime.now(UTC).year)) for name in names)


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


def test_a_name_is_never_taken_twice(served: Store, bundles: list[Path]) -> None:
    refused(lambda: served.publish(bundles[1], "a"), "'a' exists", "another name")
    assert served.show("a").fingerprint == "data of seed 0"


# Poison ------------------------------------------------------------------------------------------


def _flip(folder: Path) -> None:
    path = next((folder / "arrays").rglob("weights.npy"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _foreign(folder: Path) -> None:
    text = (folder / MANIFEST).read_bytes().replace(b'"schema_version": 2', b'"schema_version": 3')
    (folder / MANIFEST).write_bytes(text)
    (folder / SEAL).write_bytes(seal(text))


def _escape(folder: Path) -> None:
    path = next((folder / "arrays").rglob("weights.npy"))
    shutil.move(path, folder.parent / "elsewhere.npy")
    path.symlink_to(folder.parent / "elsewhere.npy")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit": (_flip, "sha256"),
    "a short file": (lambda f: os.truncate(next((f / "files").iterdir()), 9), "bytes"),
    "a missing file": (lambda f: next((f / "files").iterdir()).unlink(), "no such file"),
    "a changed manifest": (lambda f: os.truncate(f / MANIFEST, 99), SEAL),
    "another version": (_foreign, "schema_version 1 or 2"),
    "a file outside": (_escape, "inside the folder"),
    "no bundle": (lambda f: (f / MANIFEST).unlink(), MANIFEST),
}


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


@pytest.mark.parametrize("what", [*DAMAGE, "a changed canary", "a changed record", "no seal"])
def test_a_version_that_was_damaged_later_never_serves(served: Store, what: str) -> None:
    folder = served.folder("a")
    spoilers = {
        "a changed canary": lambda f: _edit(f / "canaries.json", b"i0", b"i1"),
        "a changed record": lambda f: _edit(f / "version.json", b"seed 0", b"seed 9"),
        "no seal": lambda f: (f / "version.sha256").unlink(),
    }
    spoil = spoilers[what] if what in spoilers else DAMAGE[what][0]
    spoil(folder)
    for call in (lambda: served.promote("a"), served.rollback, lambda: served.check("a")):
        refused(call)
    assert served.current_name() == "b"
    served.check("b")
    seen = [each.name for each in served.list()]
    assert seen == (["b"] if "a" in served.damaged() else ["b", "a"])


def _edit(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


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


# Serving -----------------------------------------------------------------------------------------


def test_nothing_serves_before_the_first_promotion(store: Store, bundles: list[Path]) -> None:
    assert store.current() is None and store.list() == [] and store.history() == []
    refused(lambda: store.promote("a"), "expected a store", "publish")
    refused(store.rollback, "expected a store")
    refused(store.prune, "expected a store")
    assert not store.root.exists()
    store.publish(bundles[0], "a")
    assert store.current() is None and store.current_name() is None
    refused(store.load, "none was promoted")
    refused(store.rollback, "served before")
    store.promote("a")
    refused(store.rollback, "served before")
    assert store.load().recommend(k=3).equals(sl.load(bundles[0]).recommend(k=3))


def test_promote_and_rollback_move_through_what_served(served: Store, bundles: list[Path]) -> None:
    served.publish(bundles[0], "c")
    assert served.promote("c").current and served.show("b").previous
    assert [served.rollback().name for _ in range(2)] == ["b", "a"]
    refused(served.rollback, "served before")
    assert served.current() == served.show("a")
    served.promote("c")
    assert served.rollback().name == "a"
    events = [(each["how"], each["name"]) for each in served.history()]
    assert events == [
        ("promote", "a"), ("promote", "b"), ("promote", "c"), ("rollback", "b"), ("rollback", "a"),
        ("promote", "c"), ("rollback", "a"),
    ]  # fmt: skip
    times = [each["since"] for each in served.history()]
    assert times == sorted(times)


def test_promoting_what_serves_changes_nothing(served: Store) -> None:
    before = (served.root / "CURRENT").read_bytes()
    assert served.promote("b").current
    assert (served.root / "CURRENT").read_bytes() == before


def test_a_rollback_reads_no_array(
    store: Store, bundles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, bundles)
    for name in ("check_version", "load"):
        monkeypatch.setattr(store_module, name, lambda *_: pytest.fail("the model was read"))
    assert store.rollback().name == "a"


def test_a_rollback_checks_again_what_was_written_to(
    store: Store, bundles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, bundles)
    os.utime(next(store.folder("a").rglob("weights.npy")))  # touched, not changed
    checked: list[str] = []
    check = store_module.check_version
    monkeypatch.setattr(store_module, "check_version", lambda f: checked.append(f.name) or check(f))
    assert store.rollback().name == "a" and checked == ["a"]


def test_an_unknown_name_is_answered_with_the_nearest(served: Store, bundles: list[Path]) -> None:
    served.publish(bundles[0], "tuesday")
    refused(lambda: served.promote("tuseday"), "did you mean 'tuesday'")
    for call in (served.show, served.load, served.check):
        refused(lambda call=call: call("nobody"), "'nobody'")
    refused(lambda: served.show("../versions/a"), "expected a version")


@pytest.mark.parametrize("content", [b"", b"a\n", b'{"format": 1}\n', b"\xff\n\xff\n"])
def test_a_damaged_current_is_an_error_with_a_way_out(
    served: Store, bundles: list[Path], content: bytes
) -> None:
    (served.root / "CURRENT").write_bytes(content)
    for call in (served.current, served.load, served.rollback, served.list, lambda: served.promote("a")):
        refused(call, "CURRENT", "remove this file")
    (served.root / "CURRENT").unlink()
    assert served.promote("a").current


def test_a_current_that_leads_out_of_the_store_is_refused(served: Store) -> None:
    path = served.root / "CURRENT"
    found = json.loads(path.read_bytes().splitlines()[0])
    found["serves"]["name"] = "../../elsewhere"
    path.write_bytes(version_files.hashed(version_files.packed(found)))
    refused(served.current, "'../../elsewhere'")


# Retention ---------------------------------------------------------------------------------------


def test_prune_keeps_the_newest_what_serves_and_the_way_back(served: Store, bundles: list[Path]) -> None:
    for name in "cdef":
        served.publish(bundles[0], name)
    served.promote("c")  # b is the way back
    assert Store(served.root, keep=2).prune() == ["a", "d"]
    assert [each.name for each in served.list()] == ["f", "e", "c", "b"]
    assert left_over(served) == []
    assert Store(served.root, keep=2).prune() == []
    assert served.rollback().name == "b"
    refused(served.rollback, "served before")


def test_prune_leaves_damaged_versions_to_a_person(served: Store, bundles: list[Path]) -> None:
    served.publish(bundles[0], "c")
    served.promote("c")
    (served.root / "versions" / "a" / "version.json").write_bytes(b"{}")
    assert Store(served.root, keep=1).prune() == []
    assert list(served.damaged()) == ["a"]


def test_keep_is_at_least_one(tmp_path: Path) -> None:
    refused(lambda: Store(tmp_path, keep=0), "keep >= 1")


# Several at once ---------------------------------------------------------------------------------


def together(*calls: Callable[[], object]) -> list[object]:
    """Results, or exceptions, of calls that start at the same time."""
    gate, found = threading.Barrier(len(calls)), [None] * len(calls)

    def run(at: int) -> None:
        gate.wait()
        try:
            found[at] = calls[at]()
        except (BundleError, SpecError) as error:
            found[at] = error

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_two_publishers_of_one_name_do_not_mix(store: Store, bundles: list[Path]) -> None:
    for turn in range(4):
        calls = [lambda b=b, t=turn: Store(store.root).publish(b, f"v{t}") for b in bundles]
        found = together(*calls)
        assert sorted(type(each).__name__ for each in found) == ["SpecError", "Version"]
        store.check(f"v{turn}")
    assert left_over(store) == []


def test_promotions_at_once_leave_one_of_them_and_a_whole_history(served: Store, bundles: list[Path]) -> None:
    served.publish(bundles[0], "c")
    for _ in range(4):
        found = together(
            lambda: Store(served.root).promote("a"), lambda: Store(served.root).promote("c"), served.rollback
        )
        assert not [each for each in found if isinstance(each, SpecError)]
        served.check(served.current_name())
    events = served.history()
    assert events[-1]["name"] == served.current_name()
    assert all(a["name"] != b["name"] for a, b in pairwise(events))


def test_a_rollback_does_not_wait_for_a_publish(served: Store) -> None:
    with version_files.locked(served.root / PUBLISHING):
        assert served.rollback().name == "a"
        assert served.promote("b").current


def test_a_version_that_changes_while_it_is_checked_is_refused(
    served: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = store_module.check_version

    def slow(folder: Path) -> str:
        seen = check(folder)
        _flip(folder)
        return seen

    monkeypatch.setattr(store_module, "check_version", slow)
    refused(lambda: served.promote("a"), "changed or pruned")
    assert served.current_name() == "b"


def test_files_as_they_were_when_loaded_are_not_checked_twice(
    served: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[Path] = []
    check = store_module.check_version
    monkeypatch.setattr(store_module, "check_version", lambda folder: checked.append(folder) or check(folder))
    seen = served.stamp("a")
    assert served.promote("a", checked=seen).current and checked == []
    served.promote("b")
    _flip(served.folder("a"))
    refused(lambda: served.promote("a", checked=seen))
    assert served.current_name() == "b" and len(checked) == 2


# Leftovers ---------------------------------------------------------------------------------------


def test_the_next_publish_clears_what_a_crash_left(served: Store, bundles: list[Path]) -> None:
    versions = served.root / "versions"
    shutil.copytree(bundles[0], versions / ".c.part")
    shutil.copytree(bundles[0], versions / "..d.part.1234.part")
    shutil.move(versions / "a", versions / ".a.1234.old")
    (served.root / ".CURRENT.part").write_bytes(b"half")
    (versions / ".file").write_bytes(b"")
    assert [each.name for each in served.list()] == ["b"] and served.damaged() == {}
    served.publish(bundles[0], "c")
    assert left_over(served) == []
    assert served.promote("c").current


def test_a_half_written_line_of_the_history_is_cut_off(served: Store) -> None:
    log = served.root / "history.jsonl"
    whole = served.history()
    with log.open("ab") as stream:
        stream.write(b'{"name": "b", "si')
    assert served.history() == whole
    served.rollback()
    assert [each["name"] for each in served.history()] == ["a", "b", "a"]
    assert b"si{" not in log.read_bytes()
