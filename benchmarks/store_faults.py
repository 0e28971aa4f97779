"""A store of versions after a kill, a full disk or an I/O error at every call of every change.

Bar: no torn version, nothing that serves and cannot be loaded, nothing lost, no publish that a crash
keeps from working. A small bundle, a new process for each point; see `faults.py` for how.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import faults
import numpy as np
import polars as pl
import shape

import sidelight as sl
from sidelight.errors import SidelightError
from sidelight.serving.store.store import PUBLISHING, SERVING, Store

BARS = ("torn", "unloadable", "lost", "stuck", "missed", "unsynced")
OLDEST, OLD, OTHER, NEW = "x", "b", "c", "d"  # prune removes x, b serves, c is promoted, d is published
CHILD = "import sys; from sidelight.serving.store import Store; store = Store(sys.argv[1], keep=1); "
ACTIONS = {
    "publish": f"store.publish(sys.argv[2], '{NEW}')",
    "promote": f"store.promote('{OTHER}')",
    "rollback": "store.rollback()",
    "prune": "store.prune()",
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, help="at most so many an action, evenly spread; for a trial")


def model(seed: int) -> sl.Recommender:
    """A fitted model of 30 items; another seed answers otherwise."""
    rng = np.random.default_rng(seed)
    events = {
        "user_id": rng.integers(0, 20, 300),
        "item_id": rng.integers(0, 30, 300),
        "timestamp": range(300),
    }
    data = sl.from_frames(pl.DataFrame(events), pl.DataFrame({"item_id": range(30)}))
    return sl.EASE().fit(sl.split.automatic(data))


def template(place: Path) -> Path:
    """Published versions, from the oldest to the newest, and a bundle beside them."""
    for seed, name in enumerate((OLDEST, "a", OLD, OTHER)):
        Store(place / "store").publish(model(seed), name)
    model(9).save(place / "bundle")
    return place


def preparing(made: Path) -> Callable[[Path], None]:
    """A copy of the template in which a served and b serves: promoted there, so that stamps are right."""

    def prepare(place: Path) -> None:
        shutil.copytree(made, place, dirs_exist_ok=True)
        store = Store(place / "store")
        store.promote("a")
        store.promote(OLD)

    return prepare


def checking(action: str) -> Callable[[Path, bool], Iterator[str]]:
    """What is wrong with a store after an action that a fault struck."""
    after = {"promote": OTHER, "rollback": "a"}.get(action, OLD)

    def check(place: Path, succeeded: bool) -> Iterator[str]:
        store = Store(place / "store", keep=1)
        names, serves = {each.name for each in store.list()}, store.current_name()
        if store.damaged() or not all(_sound(store, name) for name in names):
            yield "torn"
        if serves is None or not _sound(store, serves):
            yield "unloadable"
        done = {"publish": NEW in names, "prune": OLDEST not in names}.get(action, serves == after)
        kept = {"a", OLD, OTHER} | (set() if action == "prune" else {OLDEST})
        if serves not in (OLD, after) or not kept <= names or (succeeded and not done):
            yield "lost"
        yield "new" if done else "old"
        if not _goes_on(store, place / "bundle"):
            yield "stuck"

    return check


def _sound(store: Store, name: str) -> bool:
    """Hashes, canaries, and one answer."""
    try:
        store.check(name)
        return bool(len(store.load(name).recommend(k=3)))
    except (SidelightError, OSError):
        return False


def _goes_on(store: Store, bundle: Path) -> bool:
    """The next publish works, its version serves, and nothing half done is left."""
    try:
        store.publish(bundle, "next")
        if not store.promote("next").current:
            return False
    except (SidelightError, OSError):
        return False
    there = [*store.root.iterdir(), *(store.root / "versions").iterdir()]
    return {each.name for each in there if each.name.startswith(".")} <= {PUBLISHING, SERVING}


def main() -> None:
    """Sweep every action and compare with the bar."""
    run = shape.start("store_faults", options=options, needs_data=False)
    figures: dict[str, float] = {}
    total: Counter[str] = Counter(dict.fromkeys(("points", *BARS), 0))
    with tempfile.TemporaryDirectory() as outer:
        prepare = preparing(template(Path(outer) / "template"))
        for action, code in ACTIONS.items():

            def command(place: Path, code: str = code) -> list[str]:
                return [sys.executable, "-c", CHILD + code, str(place / "store"), str(place / "bundle")]

            found = faults.sweep(command, checking(action), prepare=prepare, points=run.points, label=action)
            with tempfile.TemporaryDirectory() as trial:
                place = Path(trial).resolve()
                prepare(place)
                wrong = faults.unsynced(faults.calls(place, command(place)))
                found["unsynced"] = len(wrong)
            for each in wrong:
                shape.note(f"{action}: not synced: {each}")
            figures |= {f"{action}.{what}": found[what] for what in ("points", "old", "new")}
            total.update({what: found[what] for what in total})
    figures |= dict(total)
    missed = [what for what in BARS if total[what]]
    shape.emit(
        "store_faults", figures, {}, seconds=run.seconds(), peak_mb=shape.peak_mb(), out=run.out,
        data_fingerprint="synthetic, 30 items", bars={**dict.fromkeys(BARS, 0), "missed": missed},
    )  # fmt: skip
    if missed:
        raise SystemExit(f"not met: {', '.join(missed)}")


if __name__ == "__main__":
    main()
