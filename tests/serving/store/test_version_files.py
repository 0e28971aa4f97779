"""At whichever call a disk fails or a process dies, the store holds the old state or the new one.

Every call that writes (opening for writing, write, fsync, rename, mkdir, truncate) of publish, promote
and rollback is made to fail, one after the other. `benchmarks/store_faults.py` does the same to a real
process from outside, with strace.
"""

from __future__ import annotations

import builtins
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import made_store
import pytest

from sidelight.serving.store.store import PUBLISHING, SERVING, Store

CALLS = ("fsync", "rename", "replace", "mkdir")


REMOVALS = ("unlink", "rmdir")  # never fail here, but a dead process removes nothing


class Killed(BaseException):
    """The process is gone: nothing that comes after, cleaning up included, happens."""


class Disk:
    """Counts the calls that write; fails at one of them, for once or for good."""

    def __init__(self, at: int, kill: bool) -> None:
        self.at, self.kill, self.calls, self.dead = at, kill, 0, False

    def step(self) -> None:
        self.alive()
        self.calls += 1
        if self.calls == self.at:
            self.dead = self.kill
            self.alive()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def alive(self) -> None:
        if self.dead:
            raise Killed


class Stream:
    """A file of which a failing write leaves half."""

    def __init__(self, stream: Any, disk: Disk) -> None:
        self.stream, self.disk = stream, disk

    def write(self, content: Any) -> int:
        try:
            self.disk.step()
        except BaseException:
            self.stream.write(bytes(content)[: len(content) // 2])
            raise
        return self.stream.write(content)

    def truncate(self, size: int) -> int:
        self.disk.step()
        return self.stream.truncate(size)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def faulty(at: int, kill: bool) -> Iterator[Disk]:
    disk, opened = Disk(at, kill), builtins.open

    def call(original: Callable[..., Any], before: Callable[[], None]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            before()
            return original(*args, **options)

        return wrapped

    def opening(path: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        if not set(mode) & set("wxa+"):
            return opened(path, mode, *args, **options)
        disk.step()
        return Stream(opened(path, mode, *args, **options), disk)

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, call(getattr(os, name), disk.step))
        for name in REMOVALS:
            patch.setattr(os, name, call(getattr(os, name), disk.alive))
        patch.setattr(builtins, "open", opening)
        yield disk


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that works changes nothing that a test can see."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_store.model(2).save(tmp_path_factory.mktemp("b") / "m")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` served before, `b` serves, `c` waits; and a history that ends in half a line."""
    store = Store(tmp_path_factory.mktemp("t") / "store")
    for seed, name in enumerate("abc"):
        store.publish(made_store.model(seed), name)
    store.promote("a")
    store.promote("b")
    with (store.root / "history.jsonl").open("ab") as stream:
        stream.write(b'{"name"')
    return store.root


def sound(store: Store, before: set[str], names: set[str], current: set[str]) -> None:
    """Old or new, whole, nothing lost."""
    assert store.current_name() in current
    assert store.damaged() == {}
    there = {each.name for each in store.list()}
    assert before <= there <= names
    for name in there - before | {store.current_name()}:
        store.check(name)
    store.load()
    events = store.history()
    assert events[-1]["name"] == store.current_name()
    assert [each["name"] for each in events[:2]] == ["a", "b"] and len(events) <= 3


def goes_on(store: Store, bundle: Path) -> None:
    """The next publish works and leaves no trace of the crash."""
    store.publish(bundle, "next")
    assert store.promote("next").current
    hidden = {
        p.name for p in [*store.root.iterdir(), *(store.root / "versions").iterdir()] if p.name[0] == "."
    }
    assert hidden <= {PUBLISHING, SERVING}


Act = Callable[[Store], object]


def sweep(
    template: Path, place: Path, bundle: Path, kill: bool, act: Act, new: str | None = None, step: int = 1
) -> int:
    """Fail at the calls of an action in turn; how many it makes.

    Args:
        template, place, bundle: A store to copy, where to, and what to publish afterwards.
        kill: Die instead of failing.
        act: The action.
        new: The version that may appear; None where another version may serve.
        step: Of so many calls one fails.
    """
    before = {"a", "b", "c"}
    for at in range(1, 200, step):
        store = Store(place / str(at))
        shutil.copytree(template, store.root)
        done = False
        with faulty(at, kill) as disk:
            try:
                act(store)
                done = True
            except (OSError, Killed) as error:
                assert isinstance(error, Killed) == kill
                assert kill or error.filename, "the error names no place"
        sound(store, before, before | ({new} if new else set()), {"b"} if new else {"b", act.__name__[-1]})
        if done:  # also where a failure hurt nothing, as to make a folder that is there
            assert (new in {each.name for each in store.list()}) if new else store.current_name() != "b"
        if disk.calls < at:
            return disk.calls
        if at % 8 == 1:
            goes_on(store, bundle)
        shutil.rmtree(store.root)
    raise AssertionError("the action never came to its end")


def promote_c(store: Store) -> None:
    store.promote("c")


def rollback_to_a(store: Store) -> None:
    store.rollback()


@pytest.mark.parametrize("kill", [False, True], ids=["full", "killed"])
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("of", ["folder", "model"])
def test_publishing(template: Path, tmp_path: Path, bundle: Path, kill: bool, step: int, of: str) -> None:
    given = bundle if of == "folder" else made_store.model(2)
    calls = sweep(
        template, tmp_path, bundle, kill, lambda store: store.publish(given, "d"), new="d", step=step
    )
    assert calls > 30


@pytest.mark.parametrize("kill", [False, True], ids=["full", "killed"])
@pytest.mark.parametrize("act", [promote_c, rollback_to_a])
def test_changing_what_serves(
    template: Path, tmp_path: Path, bundle: Path, kill: bool, act: Callable[[Store], object]
) -> None:
    # the history: open, truncate, write, fsync, folder; CURRENT: its folder, open, write, fsync,
    # rename, folder
    assert sweep(template, tmp_path, bundle, kill, act) == 11


@pytest.mark.parametrize("kill", [False, True], ids=["full", "killed"])
def test_the_first_publish(tmp_path: Path, bundle: Path, kill: bool) -> None:
    """Also the folders of the store itself are old or new."""
    for at in range(1, 8):
        store = Store(tmp_path / str(at) / "deep" / "store")
        with faulty(at, kill) as disk, pytest.raises((OSError, Killed)):
            store.publish(bundle, "a")
        assert disk.calls == at
        assert store.list() == [] and store.current() is None
        goes_on(store, bundle)


def test_pruning(template: Path, tmp_path: Path, bundle: Path) -> None:
    for kill in (False, True):
        store = Store(tmp_path / str(kill), keep=1)
        shutil.copytree(template, store.root)
        store.promote("c")
        with faulty(2, kill), pytest.raises((OSError, Killed)):
            store.prune()
        assert [each.name for each in store.list()] == ["c", "b"]
        goes_on(store, bundle)


def test_everything_is_on_disk_before_it_has_its_name(
    template: Path, tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut only what was synced is there: contents first, then names, folder by folder."""
    root = Path(shutil.copytree(template, tmp_path / "s"))
    events: list[tuple[str, str]] = []
    rename, replace = os.rename, os.replace

    def synced(handle: int) -> None:
        events.append(("sync", os.readlink(f"/proc/self/fd/{handle}")))

    def named(call: Callable[..., None]) -> Callable[..., None]:
        def wrapped(source: Any, target: Any, **options: Any) -> None:
            events.append(("name", str(target)))
            call(source, target, **options)

        return wrapped

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", named(rename))
    monkeypatch.setattr(os, "replace", named(replace))
    store = Store(root)
    made = store.folder(store.publish(bundle, "d").name)
    at = events.index(("name", str(made)))
    earlier = {path for _, path in events[:at]}
    part = made.with_name(".d.part")
    for path in [made, *made.rglob("*")]:
        assert str(part / path.relative_to(made)) in earlier
    assert ("sync", str(made.parent)) in events[at:]
    events.clear()
    store.promote("d")
    current = events.index(("name", str(root / "CURRENT")))
    assert ("sync", str(root / ".CURRENT.part")) in events[:current]
    assert ("sync", str(root / "history.jsonl")) in events[:current]
    assert ("sync", str(root)) in events[current:]
