"""The sweep of faults finds what is unsafe, and nothing in what is safe."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import faults
import pytest

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
# Children that import next to nothing, so that a point takes no time.
SAFE = (
    "import os; fd = os.open('state.part', os.O_CREAT | os.O_WRONLY | os.O_TRUNC); os.write(fd, b'new' * 9);"
    "os.fsync(fd); os.close(fd); os.rename(os.path.abspath('state.part'), os.path.abspath('state'));"
    "fd = os.open('.', os.O_RDONLY); os.fsync(fd); os.close(fd)"
)
UNSAFE = (
    "import os; fd = os.open('state', os.O_CREAT | os.O_WRONLY | os.O_TRUNC); os.write(fd, b'new' * 4);"
    "os.write(fd, b'new' * 5); os.close(fd)"
)


def command(code: str):
    def made(place: Path) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", f"import os; os.chdir({str(place)!r}); {code}"]

    return made


def prepare(place: Path) -> None:
    (place / "state").write_bytes(b"old")


def check(place: Path, succeeded: bool) -> Iterator[str]:
    there = (place / "state").read_bytes()
    if there not in (b"old", b"new" * 9):
        yield "torn"
    if succeeded and there == b"old":
        yield "lost"


@needs_strace
def test_what_is_replaced_in_one_step_is_safe(tmp_path: Path) -> None:
    found = faults.sweep(command(SAFE), check, prepare=prepare, faults=("KILL", "EIO"))
    # open, write, fsync, rename, fsync of the folder
    assert found == {"points": 10, "missed": 0}
    prepare(tmp_path)
    assert faults.unsynced(faults.calls(tmp_path, command(SAFE)(tmp_path))) == []


@needs_strace
def test_what_is_written_in_place_is_torn(tmp_path: Path) -> None:
    found = faults.sweep(command(UNSAFE), check, prepare=prepare, faults=("KILL", "ENOSPC"))
    assert found == {"points": 6, "missed": 0, "torn": 4}
    prepare(tmp_path)
    assert any("state" in each for each in faults.unsynced(faults.calls(tmp_path, command(UNSAFE)(tmp_path))))


@needs_strace
def test_some_points_can_be_drawn() -> None:
    found = faults.sweep(command(SAFE), check, ("write", "rename"), prepare=prepare, points=2)
    assert found["points"] == 2


@needs_strace
def test_a_command_that_fails_by_itself_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="by itself"):
        faults.sweep(command("raise SystemExit(3)"), check)


def test_calls_that_another_thread_interrupts_are_put_together() -> None:
    lines = [
        "1 write(5</a/b> <unfinished ...>",
        "2 futex(0 <unfinished ...>",
        '1 <... write resumed>, ""..., 98) = -1 ENOSPC (No space left on device) (INJECTED)',
        "2 <... futex resumed>) = 0",
    ]
    assert faults.whole(lines) == [
        '1 write(5</a/b>, ""..., 98) = -1 ENOSPC (No space left on device) (INJECTED)',
        "2 futex(0) = 0",
    ]


def call(name: str, *paths: str, flags: str = " = 0") -> faults.Call:
    places = tuple(map(Path, paths))
    return faults.Call(name, 1, places[0], 1, places, flags, True)


def test_a_name_before_its_contents_is_found() -> None:
    made = call("openat", "/s/.part", flags="O_CREAT")
    write, sync, folder = call("write", "/s/.part"), call("fsync", "/s/.part"), call("fsync", "/s")
    rename = call("rename", "/s/.part", "/s/state")
    assert faults.unsynced([made, write, sync, rename, folder]) == []
    assert faults.unsynced([made, write, rename, sync, folder]) == ["/s/.part before it was renamed"]
    assert faults.unsynced([made, write, sync, rename]) == ["/s/.part at the end", "/s/state at the end"]
    inner = call("openat", "/s/.part/x", flags="O_CREAT")
    assert faults.unsynced([inner, rename, folder])[0] == "/s/.part before it was renamed"
