"""Files of a store: written whole, forced to disk, sealed and locked. Knows no model.

The order of every change is the same: contents, fsync of the files, fsync of the folders that name
them, one rename, fsync of the folder in which it happened.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sidelight.errors import BundleError, complain
from sidelight.manifest import MANIFEST, SEAL, SIGNATURE, damaged, digest, inside, read_manifest
from sidelight.target_paths import naming as naming

TAIL = 1 << 16  # bytes read from the end of a log to find its last line


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits until no other process or thread holds the lock file, then holds it.

    The system lets go of it when its holder dies, so no lock outlives a crash.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Force a folder's list of names to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and the ones above it, and force each new name to disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def write_file(path: Path, content: bytes) -> None:
    """A new file whose contents are on disk; its name is only there once the folder is synced."""
    with open(path, "xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """The file with new contents: readers and crashes see the old ones or the new ones."""
    fresh = part_of(path)
    fresh.unlink(missing_ok=True)
    write_file(fresh, content)
    os.replace(fresh, path)
    sync_folder(path.parent)


def part_of(path: Path) -> Path:
    """The name under which a file or folder is written before it gets its own."""
    return path.with_name(f".{path.name}.part")


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a log, once: a half-written last line is cut off, an equal last line is kept."""
    with open(path, "a+b") as stream:
        start = max(0, stream.seek(0, os.SEEK_END) - TAIL)
        stream.seek(start)
        tail = stream.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        if len(whole) < len(tail):
            stream.truncate(start + len(whole))
        if whole.splitlines()[-1:] != [line]:
            stream.write(line + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(path.parent)


def lines(path: Path) -> list[bytes]:
    """Whole lines of a log, oldest first; a half-written last one is not there."""
    if not path.is_file():
        return []
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1].splitlines()


def copy_bundle(source: Path, target: Path) -> None:
    """A new folder with the files that the manifest of a bundle lists, and nothing else.

    A copy, never a link: a version must not change when somebody writes to the file it came from.

    Raises:
        BundleError: The manifest is damaged or of another version, or a file is missing or outside.
    """
    signed = [SIGNATURE] if (source / SIGNATURE).is_file() else []
    names = [MANIFEST, SEAL, *signed, *read_manifest(source, verify=False)["files"]]
    target.mkdir()
    for name in names:
        place = inside(target, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(inside(source, name), "rb") as old, open(place, "xb") as new:
            shutil.copyfileobj(old, new, 1 << 20)
            new.flush()
            os.fsync(new.fileno())


def sync_folders(root: Path) -> None:
    """Force the lists of names in a folder and in all below it to disk, the lowest first."""
    for folder, _, _ in os.walk(root, topdown=False):
        sync_folder(Path(folder))


def put_aside(folder: Path) -> Path:
    """Take a folder's name away in one step; gives the hidden one under which it waits for removal."""
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.old")
    os.rename(folder, aside)
    sync_folder(folder.parent)
    return aside


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def stamp(folder: Path) -> str:
    """One hash over place, size and times of every file: unequal as soon as anybody writes to one.

    It reads no contents, so it takes as long for a large model as for a small one.
    """
    found = hashlib.sha256()
    for place, below, names in os.walk(folder):
        below.sort()
        for name in sorted(names):
            at = os.lstat(os.path.join(place, name))
            relative = os.path.relpath(os.path.join(place, name), folder)
            found.update(f"{relative} {at.st_ino} {at.st_size} {at.st_mtime_ns} {at.st_ctime_ns}\n".encode())
    return found.hexdigest()


def seal_of(folder: Path, names: tuple[str, ...]) -> bytes:
    """Hashes of some files in the form of `sha256sum`."""
    return "".join(f"{digest(folder / name)}  {name}\n" for name in names).encode()


def check_seal(folder: Path, seal: str, names: tuple[str, ...]) -> None:
    """Refuse a folder in which one of the sealed files is missing or changed.

    Raises:
        BundleError: Names the file.
    """
    for name in (seal, *names):
        if not (folder / name).is_file():
            found, fix = "no such file", "publish the bundle again"
            raise BundleError(complain(f"a version with the file {name}", found, str(folder), fix))
    there = (folder / seal).read_bytes().splitlines()
    for name, line in zip(names, seal_of(folder, names).splitlines(), strict=True):
        if line not in there:
            raise damaged(folder / name, f"contents that match {seal}", "other contents")


def packed(value: Mapping[str, Any]) -> bytes:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def hashed(line: bytes) -> bytes:
    """A line, and below it its hash."""
    return line + b"\n" + hashlib.sha256(line).hexdigest().encode() + b"\n"


def read_line(line: bytes, path: Path) -> dict[str, Any]:
    """The JSON object of a line that `packed` made.

    Raises:
        BundleError: It is none; names the file.
    """
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        said = "a JSON object in each line", line[:40].decode(errors="replace")
        raise BundleError(complain(*said, str(path), "remove the line"))
    return value


def read_hashed(content: bytes, path: Path, fix: str) -> dict[str, Any]:
    """The JSON object that was written with `packed` and `hashed`.

    Raises:
        BundleError: The contents of the file were changed; says what to do.
    """
    line = content.partition(b"\n")[0]
    if content != hashed(line):
        raise BundleError(complain("a line and its hash", "other contents", str(path), fix))
    return read_line(line, path)
