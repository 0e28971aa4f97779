"""Places to write to: room before long work, one writer at a time, failures that name the place."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sidelight.errors import SpecError, complain


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give failures of the disk (no space, input/output error) the name of a place, if they have none."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a folder, made if need be, against other processes; the system lets go when its holder dies.

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
            complain("a folder that nobody writes to", "another process at work in it", str(folder), fix)
        ) from None
    finally:
        os.close(handle)


def check_room(path: str | Path) -> None:
    """Refuse a place on a full or read-only disk, or in a closed folder, before long work.

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
