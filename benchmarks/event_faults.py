"""Events while the process is killed or the disk fails, at every call that writes. By strace.

A child stores events in SQLite, in batches, forgets a person in between, and writes down each batch
only after `add_events` returned. Batches that fail are sent a second time, as a client would. Then the
parent opens what is left. Bar: it opens and is sound; no acknowledged event is lost; no batch is there
in part or twice; who was forgotten is gone; and the child saw no error but `DatabaseError`.

A kill leaves the page cache as it was, so it says nothing of a power cut. For that, a trace without
faults must show that the journal was synced between each write and the word that it was stored.

    python benchmarks/event_faults.py                # all points
    python benchmarks/event_faults.py --points 20    # a sample
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import faults
import shape

from sidelight.serving.database.database import Database
from sidelight.serving.domain import DatabaseError, Event

SYSCALLS = (
    "write", "writev", "pwrite64", "fallocate", "ftruncate", "fsync", "fdatasync", "rename", "unlink",
)  # fmt: skip
START = datetime(2026, 3, 1, tzinfo=UTC)
SIZES = (1, 5, 1, 300, 5, 1)  # events in each batch
FORGOTTEN = "somebody-who-will-be-forgotten"
FORGET_AFTER = 3
POINTS = 60  # at least
WRONG = ("unopened", "damaged", "lost", "half", "twice", "remembered", "crashed")


def batch(number: int) -> list[Event]:
    """The events of one batch; `FORGOTTEN` is in those from before the forgetting."""
    users = [
        FORGOTTEN if number <= FORGET_AFTER and n % 3 == 2 else f"user{n % 40}" for n in range(SIZES[number])
    ]
    return [
        Event(user, f"{number}-{n}", "click", START + timedelta(seconds=n), f"event {number}-{n}")
        for n, user in enumerate(users)
    ]


def store(path: Path, said: Path) -> None:
    """The child: store, forget, and write down what was acknowledged; it outlives the fault if it can."""
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        with Database.open(str(path)) as db:
            for number in range(len(SIZES)):
                _twice(lambda number=number: db.add_events(batch(number)), out, f"stored {number}")
                if number == FORGET_AFTER:
                    _twice(lambda: db.forget(FORGOTTEN), out, "forgotten")
    except DatabaseError:
        raise SystemExit(1) from None
    except Exception as error:
        os.write(out, f"crashed {type(error).__name__}\n".encode())
        raise


def _twice(call: Callable[[], object], out: int, words: str) -> None:
    for _ in range(2):
        try:
            call()
        except DatabaseError:
            continue
        os.write(out, f"{words}\n".encode())
        return


def check(place: Path, done: bool) -> Iterator[str]:
    """What is wrong with what is left, and "kept" for each batch that is there."""
    said = _said(place).read_text().split("\n")[:-1] if _said(place).exists() else []
    if done and len(said) < len(SIZES):
        yield "half-done"  # errors were reported and outlived
    if any(line.startswith("crashed") for line in said):
        yield "crashed"
    path = place / "events.db"
    try:
        with Database.open(str(path)) as db:
            found = [event for _, event in db.events_since(0)]
            gone = db.user_state(FORGOTTEN).forgotten
    except DatabaseError:
        yield "unopened"
        return
    with sqlite3.connect(path) as connection:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            yield "damaged"
    connection.close()
    yield from _batches(Counter(event.item_id for event in found), said, gone)
    traces = any(FORGOTTEN.encode() in file.read_bytes() for file in place.iterdir())
    if "forgotten" in said and (not gone or traces):
        yield "remembered"


def _batches(found: Counter[str], said: Sequence[str], gone: bool) -> Iterator[str]:
    for number in range(len(SIZES)):
        whole = {e.item_id for e in batch(number) if not (gone and e.user_id == FORGOTTEN)}
        there = {item for item in found if item.startswith(f"{number}-")}
        if any(found[item] > 1 for item in there):
            yield "twice"
        if whole and there == whole:
            yield "kept"
        elif there:
            yield "half"
        elif whole and f"stored {number}" in said:
            yield "lost"


def unsynced_words() -> int:
    """Acknowledgements in a run without faults that came before the journal was on the disk."""
    with tempfile.TemporaryDirectory() as outer:
        place = Path(outer).resolve() / "place"
        place.mkdir()
        waiting: set[Path] = set()
        early = words = 0
        for call in faults.calls(place.parent, command(place), SYSCALLS):
            if call.name in ("fsync", "fdatasync"):
                waiting.discard(call.path)
            elif call.path == _said(place):
                words += 1
                early += bool(waiting)
            elif (
                call.path.name.endswith("-wal") and call.name != "ftruncate"
            ):  # emptied when all is in the file
                waiting.add(call.path)
        if words != len(SIZES) + 1:
            raise RuntimeError(f"expected {len(SIZES) + 1} acknowledgements; found {words}")
        return early


def command(place: Path) -> list[str]:
    """The command line of the child."""
    return [sys.executable, str(Path(__file__).resolve()), "--child", str(place)]


def prepare(place: Path) -> None:
    """A fresh folder knows nothing of the run before."""
    _said(place).unlink(missing_ok=True)


def _said(place: Path) -> Path:
    return place.parent / "acknowledged"  # outside, so that no fault strikes it


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, help="at most this many, evenly spread [default: all]")


def main() -> None:
    """Strike at every point, count what went wrong."""
    run = shape.start("event_faults", options=options, needs_data=False)
    early = unsynced_words()
    counts = faults.sweep(command, check, SYSCALLS, prepare=prepare, points=run.points, label="events")
    figures = {name: counts[name] for name in ("points", "missed", "half-done", "kept", *WRONG)}
    figures["acknowledged_before_synced"] = early
    wrong = [name for name in (*WRONG, "acknowledged_before_synced") if figures[name]]
    if run.points is None and (counts["points"] < POINTS or counts["missed"]):
        wrong.append("points")
    bars = {"points": POINTS, **dict.fromkeys((*WRONG, "acknowledged_before_synced"), 0), "missed": wrong}
    shape.emit(
        "event_faults", figures, {}, run.seconds(), shape.peak_mb(), run.out, "synthetic batches", bars=bars
    )
    if wrong:
        raise SystemExit(f"not met: {', '.join(wrong)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        store(Path(sys.argv[2]) / "events.db", _said(Path(sys.argv[2])))
    else:
        main()
