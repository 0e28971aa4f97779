"""Disk cache of the vectors of slow encoders, so that only changed items are encoded again."""

from __future__ import annotations

import os
import sqlite3
import time
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sidelight.errors import DataError, complain

FILE = "vectors.sqlite"
ASK = 500  # keys in one SELECT: SQLite allows 999 parameters in its oldest builds
TABLE = """CREATE TABLE IF NOT EXISTS vectors
    (key BLOB PRIMARY KEY, checksum INTEGER NOT NULL, value BLOB NOT NULL)"""


class CacheWarning(UserWarning):
    """A damaged part of the cache was deleted and will be encoded again."""


def default_folder() -> Path:
    """Return `$SIDELIGHT_CACHE`, else `$XDG_CACHE_HOME/sidelight`, else `~/.cache/sidelight`."""
    if own := os.environ.get("SIDELIGHT_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sidelight"


@dataclass(frozen=True)
class Cache:
    """Vectors by key in one SQLite file, safe for several threads and processes on one machine.

    The key is the sha256 of the encoder's identity (its weights included) and of the item's
    content, so nothing ever has to be invalidated. Every vector carries a checksum; a damaged one
    is thrown away with a `CacheWarning` and encoded again, and so is a damaged file as a whole.

    Args:
        folder: Folder of the file, created on first use.
    """

    folder: Path = field(default_factory=default_folder)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder).expanduser())

    @property
    def path(self) -> Path:
        """Path of the SQLite file."""
        return self.folder / FILE

    def get(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the stored vectors, float32 (dim,), by key; a damaged one counts as missing."""
        if not self.path.exists():
            return {}
        found: dict[bytes, NDArray[np.float32]] = {}
        damaged: list[bytes] = []
        try:
            with self._open() as db:
                for start in range(0, len(keys), ASK):
                    some = keys[start : start + ASK]
                    marks = ",".join("?" * len(some))
                    rows = db.execute(
                        f"SELECT key, checksum, value FROM vectors WHERE key IN ({marks})", some
                    )
                    for key, checksum, value in rows:
                        if zlib.crc32(value) == checksum and len(value) % 4 == 0:
                            found[key] = np.frombuffer(value, dtype="<f4").astype(np.float32)
                        else:
                            damaged.append(key)
                if damaged:
                    db.executemany("DELETE FROM vectors WHERE key = ?", [(key,) for key in damaged])
        except sqlite3.DatabaseError as error:
            self._set_aside(error)
            return {}
        if damaged:
            message = (
                f"{len(damaged)} damaged vectors in {self.path} were thrown away; they are encoded again"
            )
            warnings.warn(message, CacheWarning, stacklevel=2)
        return found

    def put(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Write vectors, float32 (dim,); once it returns they survive an interruption."""
        if not vectors:
            return
        blobs = {key: np.ascontiguousarray(v, dtype="<f4").tobytes() for key, v in vectors.items()}
        rows = [(key, zlib.crc32(blob), blob) for key, blob in blobs.items()]
        for last in (False, True):
            try:
                with self._open() as db:
                    db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
                return
            except sqlite3.DatabaseError as error:
                if last:
                    raise
                self._set_aside(error)

    def __len__(self) -> int:
        """Number of stored vectors."""
        if not self.path.exists():
            return 0
        try:
            with self._open() as db:
                return int(db.execute("SELECT count(*) FROM vectors").fetchone()[0])
        except sqlite3.DatabaseError as error:
            self._set_aside(error)
            return 0

    def size(self) -> int:
        """Bytes on disk."""
        return sum(each.stat().st_size for each in self._files() if each.exists())

    def clear(self) -> int:
        """Delete every vector and return the bytes freed."""
        freed = self.size()
        for each in self._files():
            each.unlink(missing_ok=True)
        return freed

    def _files(self) -> list[Path]:
        return [self.path.with_name(FILE + end) for end in ("", "-journal")]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for one call: nothing to close later, nothing shared between threads."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, timeout=60)
        except (OSError, sqlite3.OperationalError) as error:
            raise self._unusable(error) from error
        with closing(db), db:
            try:
                # The plain rollback journal: switching to WAL answers "locked" at once, without
                # waiting, when two processes make the file at the same moment.
                db.execute(TABLE)
            except sqlite3.OperationalError as error:
                raise self._unusable(error) from error
            yield db

    def _unusable(self, error: Exception) -> DataError:
        fix = "give another folder, or set SIDELIGHT_CACHE"
        return DataError(complain("a cache folder that can be written", str(error), str(self.folder), fix))

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        """Rename a file that SQLite cannot read, with a warning."""
        if isinstance(error, sqlite3.OperationalError):  # locked, disk full: the file itself is sound
            raise self._unusable(error) from error
        aside = self.path.with_name(f"{FILE}.damaged-{time.time_ns()}")
        with suppress(FileNotFoundError):  # another process was quicker
            self.path.replace(aside)
        for each in self._files()[1:]:
            each.unlink(missing_ok=True)
        message = (
            f"{self.path} cannot be read ({error}); it was moved to {aside.name}, and all is encoded again"
        )
        warnings.warn(message, CacheWarning, stacklevel=3)
