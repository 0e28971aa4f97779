"""Cases that several test files of this folder share."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from sidelight.manifest import MANIFEST, SEAL, digest, seal
from sidelight.serving.domain import Event, Exposure

Change = Callable[[Path], None]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(
    user: str, item: str = "i", minute: float = 0, kind: Any = "click", name: str | None = None
) -> Event:
    return Event(user, item, kind, START + timedelta(minutes=minute), name)


def shown(user: str | None, item: str = "i", minute: float = 0) -> Exposure:
    return Exposure("r1", user, item, 3, 0.1 + 0.2, True, "v1", START + timedelta(minutes=minute))


def resealed(folder: Path) -> None:
    """Hash everything again, as somebody would who can write there."""
    manifest = json.loads((folder / MANIFEST).read_text())
    for name, entry in manifest["files"].items():
        entry |= {"sha256": digest(folder / name), "bytes": (folder / name).stat().st_size}
    text = json.dumps(manifest).encode()
    (folder / MANIFEST).write_bytes(text)
    (folder / SEAL).write_bytes(seal(text))


def on(part: str, change: Callable[[np.ndarray], Any]) -> Change:
    """A change of the one array whose file ends so."""

    def work(folder: Path) -> None:
        [path] = [p for p in folder.rglob("*.npy") if str(p).endswith(part)]
        np.save(path, change(np.load(path)))

    return work


def first(value: Any) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array.flat[0] = value
        return array

    return change


TENT = {"title": "sturdy tent no 15", "description": "A sturdy tent for camping.", "brand": "Northfold"}


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def cpu(work, times):
    """Fewest processor seconds of each piece of work, in random order.

    Whatever else runs on the machine can only add to them.
    """
    taken = {name: [] for name in work}
    for turn in range(times):
        for name in random.sample(list(work), len(work)):
            start = time.thread_time()
            work[name](turn)
            taken[name].append(time.thread_time() - start)
    return {name: min(values) for name, values in taken.items()}
