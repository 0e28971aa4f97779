"""Cases that several test files of this folder share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sidelight.errors import BundleError, SpecError
from sidelight.manifest import MANIFEST, SEAL, seal
from sidelight.serving.store.store import PUBLISHING, SERVING, Store


def fill(store: Store, bundles: list[Path]) -> Store:
    for name, bundle in zip("ab", bundles, strict=True):
        store.publish(bundle, name)
        store.promote(name)
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
