"""Target paths: room before long work, one writer at a time, atomic replacement of files and folders."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sidelight.errors import SpecError, complain


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add a path to disk errors (no space, input/output error) that name no file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def atomic_write(path: str | Path, one_writer: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside a target; at the end of the block it replaces the target in one step.

    The block makes a file there, or a folder where there is none at the target. After a failure, or a
    crash, the target is what it was before. A link stays, and the file behind it is replaced. Folders
    above the target are made.

    Args:
        path: The file, or the new folder.
        one_writer: Whether others are kept away by a lock, so that the temporary name can be a fixed
            one and what a killed process left under it is removed.

    Examples:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with atomic_write(target) as fresh:
        ...     _ = fresh.write_text("whole or not at all")
        >>> target.read_text()
        'whole or not at all'
    """
    target = Path(path).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    token = "" if one_writer else f"{secrets.token_hex(4)}."
    fresh = target.with_name(f".{target.name}.{token}part")
    _remove(fresh)
    try:
        with naming(target):
            yield fresh
            sync_tree(fresh)
        os.replace(fresh, target)
    except BaseException:
        _remove(fresh)
        raise
    sync_folder(target.parent)


def sync_tree(path: Path) -> None:
    """Force a file to disk, or a folder with all files and names in it and below."""
    if path.is_file():
        _sync(path)
    for place, _, names in os.walk(path, topdown=False):
        for name in names:
            _sync(Path(place, name))
        sync_folder(Path(place))


def sync_folder(folder: Path) -> None:
    """Force a folder's list of names to disk, on systems that can."""
    if os.name == "posix":
        _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Lock a folder, made if need be, against other processes; the lock ends with its process.

    Raises:
        SpecError: Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if os.name != "posix":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        fix = "wait for it, or give another folder"
        raise SpecError(
            complain("a folder that no process writes to", "another process at work in it", str(folder), fix)
        ) from None
    finally:
        os.close(handle)


def check_room(path: str | Path) -> None:
    """Refuse a target on a full or read-only disk, or in a closed folder, before long work.

    Raises:
        SpecError: A MiB cannot be written there.
    """
    place = Path(path).resolve()
    above = next(each for each in (place, *place.parents) if each.is_dir())
    probe = above / f".{secrets.token_hex(8)}.probe"
    try:
        probe.write_bytes(bytes(1 << 20))
        if not place.is_dir() and place.parent != above and place.parent.exists():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except OSError as error:
        fix = "free some space, or choose another place"
        found = str(error.strerror or error).lower()
        raise SpecError(complain("a place with room to write to", found, str(path), fix)) from None
    finally:
        with suppress(OSError):
            probe.unlink()
