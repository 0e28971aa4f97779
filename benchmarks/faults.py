"""A process is killed, or its disk fails, at every system call that changes files. By strace.

`sweep` runs a command once to see which calls it makes in a folder, then once for each of them and each
fault, in a fresh folder, and asks what is left of it::

    found = faults.sweep(command, check, prepare=prepare)     # Counter(points=240, missed=0, torn=0, ...)

A kill leaves what was written in the page cache, so it says nothing of a power cut; `unsynced` does: it
reads from a trace whether contents were synced before they got their name, and names before the end.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import shape

SYSCALLS = (
    "openat", "write", "writev", "pwrite64", "sendfile", "copy_file_range", "fallocate", "ftruncate",
    "fsync", "fdatasync", "sync_file_range", "rename", "renameat", "renameat2", "link", "linkat", "mkdir",
    "mkdirat", "unlink", "unlinkat", "rmdir",
)  # fmt: skip
FAULTS = ("KILL", "ENOSPC", "EIO")
LIMIT, HANGING = 120, 124  # seconds that one run may take, and the code of one that takes longer
CALL = re.compile(r"^(\d+) +(\w+)\((.*)")
UNFINISHED, RESUMED = " <unfinished ...>", re.compile(r"^\d+ +<\.\.\. \w+ resumed>")
PATH = re.compile(r'<(/[^>]*)>|"(/[^"]*)"')
# Every run makes the same calls in the same order.
STEADY = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}

Command = Callable[[Path], Sequence[str]]


class Call(NamedTuple):
    """One system call of a command.

    Args:
        name: Of the call.
        at: Its number among the calls of this name of its thread, from 1.
        path: What it is about in the folder.
        nth: Its number among the calls of this name about this path.
        paths: All paths that strace shows for it.
        flags: The rest of the line.
        first: Whether the process that was started makes it itself, not a thread or child of it.
    """

    name: str
    at: int
    path: Path
    nth: int
    paths: tuple[Path, ...]
    flags: str
    first: bool


def sweep(
    command: Command,
    check: Callable[[Path, bool], Iterable[str]],
    syscalls: Sequence[str] = SYSCALLS,
    *,
    prepare: Callable[[Path], object] = lambda place: None,
    faults: Sequence[str] = FAULTS,
    points: int | None = None,
    label: str = "",
) -> Counter[str]:
    """What is left after each fault at each call.

    Args:
        command: Called with a folder; gives the command line that works in it, by absolute paths.
            Calls of its first thread are struck.
        check: Called with the folder and whether the command said that it succeeded; gives a word
            for each thing that is wrong, and may give words for what is right, to be counted.
        syscalls: Names of the calls at which to fail, where they touch the folder.
        prepare: Called with each fresh folder before the command.
        faults: "KILL", or names of errors.
        points: At most this many, evenly spread; None means all.
        label: For the lines of progress.

    Returns:
        The words of `check` with how often each came, "points", and "missed": points at which no
        fault could be brought to strike in the folder.
    """
    with tempfile.TemporaryDirectory() as outer:
        place = Path(outer).resolve() / "place"
        found = calls(_fresh(place, prepare), command(place), syscalls)
        chosen = [(call, fault) for call in found if call.first and _changes(call) for fault in faults]
        if points is not None and points < len(chosen):
            chosen = [chosen[i * len(chosen) // points] for i in range(points)]
        counts: Counter[str] = Counter(points=0, missed=0)
        for done, (call, fault) in enumerate(chosen):
            # By path, other threads are left alone; names that are drawn anew leave only the number.
            for number in (False, True, True):
                code, struck = inject(_fresh(place, prepare), command(place), call, fault, number)
                if struck:
                    break
            words = [*check(place, code == 0), *([] if struck else ["missed"])]
            counts.update(["points", *words])
            where = ", ".join(
                dict.fromkeys(str(p.relative_to(place)) for p in call.paths if _within(p, place))
            )
            point = f"{label} {done + 1}/{len(chosen)} {fault} at {call.name} {where}"
            shape.note(f"{point.strip()}: {' '.join(words)}")
        return counts


def _fresh(place: Path, prepare: Callable[[Path], object]) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    prepare(place)
    return place


def calls(place: Path, command: Sequence[str], syscalls: Sequence[str] = SYSCALLS) -> list[Call]:
    """Calls of a run without faults that are about a folder, in order.

    Raises:
        RuntimeError: The command fails without any fault.
    """
    lines, code, said = _strace(command, ["-y", "-e", f"trace={','.join(syscalls)}"])
    if code != 0:
        raise RuntimeError(f"the command fails by itself ({code}): {said[-500:]}")
    numbers: Counter[tuple[str, ...]] = Counter()
    found, first = [], None
    for line in lines:
        match = CALL.match(line)
        if match is None:
            continue  # an exit
        process, name, rest = match.groups()
        first = first or process
        paths = tuple(Path(a or b) for a, b in PATH.findall(rest))
        numbers.update([(process, name), *((process, name, str(path)) for path in set(paths))])
        inner = [path for path in paths if _within(path, place)]
        if inner:
            about = inner[0]  # strace finds a rename by its old name
            number, nth = numbers[process, name], numbers[process, name, str(about)]
            found.append(Call(name, number, about, nth, paths, rest, process == first))
    return found


def inject(
    place: Path, command: Sequence[str], call: Call, fault: str, number: bool = False
) -> tuple[int, bool]:
    """Run a command with one fault.

    Args:
        place: The folder that the call is about.
        command: What to run.
        call: Where the fault is to strike.
        fault: "KILL" or the name of an error.
        number: Find the call by its number alone; else by its path and its number there.

    Returns:
        The exit code (negative: a signal), and whether the fault struck in the folder.
    """
    how = "signal=KILL" if fault == "KILL" else f"error={fault}"
    when = call.at if number else call.nth
    options = ["-y", "-e", f"trace={call.name}", "-e", f"inject={call.name}:{how}:when={when}"]
    lines, code, _ = _strace(command, options if number else [*options, "-P", str(call.path)])
    if fault == "KILL":
        struck = code == -9 and str(place) in next((each for each in lines[::-1] if CALL.match(each)), "")
    else:
        struck = any("(INJECTED)" in line and str(place) in line for line in lines)
    return code, struck


def _strace(command: Sequence[str], options: Sequence[str]) -> tuple[list[str], int, str]:
    """Lines of the trace, exit code, and what the command wrote to standard error."""
    with tempfile.TemporaryDirectory() as outer:
        trace = Path(outer) / "trace"
        # Not with --seccomp-bpf, under which strace delivers no signal.
        words = ["strace", "-f", "-qq", "-s", "0", "-e", "signal=none", "-o", str(trace), *options, *command]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            words, env={**os.environ, **STEADY}, stdout=subprocess.DEVNULL, stderr=pipe, text=True,
            start_new_session=True,
        ) as ran:  # fmt: skip
            try:
                said = ran.communicate(timeout=LIMIT)[1]
            except subprocess.TimeoutExpired:
                os.killpg(ran.pid, signal.SIGKILL)
                said, ran.returncode = "", HANGING
        return whole(trace.read_text(errors="replace").splitlines()), ran.returncode, said


def whole(lines: Iterable[str]) -> list[str]:
    """Calls that another thread interrupted in the trace, put together again where they began."""
    out: list[str] = []
    begun: dict[str, int] = {}
    for line in lines:
        process = line.partition(" ")[0]
        if RESUMED.match(line) and process in begun:
            at = begun.pop(process)
            out[at] = out[at].removesuffix(UNFINISHED) + RESUMED.sub("", line)
            continue
        if line.endswith(UNFINISHED):
            begun[process] = len(out)
        out.append(line)
    return out


def _changes(call: Call) -> bool:
    """Reading is no fault point: files that are only opened to be read."""
    return call.name != "openat" or bool(re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", call.flags))


def unsynced(found: Iterable[Call], exempt: Sequence[str] = (".lock",)) -> list[str]:
    """What a power cut could take although the command had given it its name, or had ended.

    Args:
        found: All calls of a run, from `calls`.
        exempt: Ends of file names whose loss does no harm.
    """
    contents: set[Path] = set()
    names: dict[Path, set[Path]] = {}
    wrong = []
    for call in found:
        path = call.paths[-1]
        if call.name in ("fsync", "fdatasync"):
            contents.discard(path)
            names.pop(path, None)
        elif call.name.startswith("rename"):
            old = call.paths[-2]
            wrong += [f"{each} before it was renamed" for each in [*contents, *names] if _within(each, old)]
            names.setdefault(path.parent, set()).add(path)
        elif call.name.startswith("mkdir") or (call.name == "openat" and "O_CREAT" in call.flags):
            if " = -1 " not in call.flags:
                names.setdefault(path.parent, set()).add(path)
        elif call.name in ("write", "writev", "pwrite64", "ftruncate"):
            contents.add(call.paths[0])
        elif call.name in ("sendfile", "copy_file_range"):
            contents.add(call.paths[0 if call.name == "sendfile" else 1])
    left = {each for group in names.values() for each in group} | contents
    return wrong + [f"{each} at the end" for each in sorted(left) if not each.name.endswith(tuple(exempt))]


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
