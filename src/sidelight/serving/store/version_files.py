"""Files of a store: locked, sealed, hashed and forced to disk. Knows no model.

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
from typing import Any, TypeVar

from sidelight.errors import BundleError, complain
from sidelight.json_files import decode
from sidelight.manifest import MANIFEST, SEAL, SIGNATURE, damaged, digest, inside, read_manifest
from sidelight.target_paths import atomic_write, sync_folder

T = TypeVar("T")

FORMAT = 1  # of the JSON files of a store
TAIL = 1 << 16  # bytes read from the end of a log to find its last line


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, after waiting until no other process or thread holds it.

    The system releases it when its holder dies, so no lock outlives a crash.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
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
    """Write a new file; `atomic_write` forces it to disk with the folder that it is in."""
    with open(path, "xb") as stream:
        stream.write(content)


def replace_file(path: Path, content: bytes) -> None:
    """Replace the contents of a file in one step, for readers and crashes alike."""
    with atomic_write(path, one_writer=True) as fresh:
        write_file(fresh, content)


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a log, once: a half-written last line is cut off, an equal last line is kept."""
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
    """Return the whole lines of a log, oldest first; a half-written last one is left out."""
    if not path.is_file():
        return []
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1].splitlines()


def copy_bundle(source: Path, target: Path) -> None:
    """Copy the files that the manifest of a bundle lists, and nothing else, to a new folder.

    A copy, never a link: a version must not change when the source is written to.

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


def put_aside(folder: Path) -> Path:
    """Rename a folder in one step to a hidden name, under which it waits for removal; return that path."""
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.old")
    os.rename(folder, aside)
    sync_folder(folder.parent)
    return aside


def remove(path: Path) -> None:
    """Remove a file, or a folder with its contents."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def stamp(folder: Path) -> str:
    """Hash place, size and times of every file: the stamp changes as soon as one is written to.

    No contents are read, so it takes as long for a large model as for a small one.
    """
    hashed = hashlib.sha256()
    for place, below, names in os.walk(folder):
        below.sort()
        for name in sorted(names):
            at = os.lstat(os.path.join(place, name))
            relative = os.path.relpath(os.path.join(place, name), folder)
            hashed.update(f"{relative} {at.st_ino} {at.st_size} {at.st_mtime_ns} {at.st_ctime_ns}\n".encode())
    return hashed.hexdigest()


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
    """Return a line followed by its hash, as two lines."""
    return line + b"\n" + hashlib.sha256(line).hexdigest().encode() + b"\n"


def read_line(line: bytes, path: Path) -> dict[str, Any]:
    """Read the JSON object of a line that `packed` wrote.

    Raises:
        BundleError: It is none; names the file.
    """
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        expected, found = "a JSON object in each line", line[:40].decode(errors="replace")
        raise BundleError(complain(expected, found, str(path), "remove the line"))
    return value


def read_hashed(content: bytes, path: Path, fix: str) -> bytes:
    """Return the line that was written with `hashed`.

    Raises:
        BundleError: The contents of the file were changed; the message ends with `fix`.
    """
    line = content.partition(b"\n")[0]
    if content != hashed(line):
        raise BundleError(complain("a line and its hash", "other contents", str(path), fix))
    return line


def read_format(kind: type[T], content: bytes, what: str, where: str = "", fix: str = "") -> T:
    """Read a dataclass from a JSON object, its fields beside the number of the format.

    Raises:
        BundleError: The object is of another format.
    """
    try:
        record = json.loads(content)
        if record["format"] != FORMAT:
            raise ValueError(f"format {record['format']!r}")
        return decode(kind, record)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(complain(f"{what} of format {FORMAT}", str(error), where, fix)) from None
