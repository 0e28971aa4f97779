"""A store holds sound versions only, one of them serves, and none of it depends on luck."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from serving.store.cases import DAMAGE, _flip, fill, left_over, refused

import sidelight as sl
from sidelight.errors import BundleError, SpecError
from sidelight.serving.store import store as store_module
from sidelight.serving.store import version_files
from sidelight.serving.store.store import PUBLISHING, Store


def test_names_come_from_the_clock_and_differ(store: Store, bundles: list[Path]) -> None:
    names = [store.publish(bundles[0]).name for _ in range(3)]
    assert len(set(names)) == 3
    assert [each.name for each in store.list()] == names[::-1]
    assert all(name.startswith(str(datetime.now(UTC).year)) for name in names)


def test_a_name_is_never_taken_twice(served: Store, bundles: list[Path]) -> None:
    refused(lambda: served.publish(bundles[1], "a"), "'a' exists", "another name")
    assert served.show("a").fingerprint == "data of seed 0"


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
