"""Address of a database, and creation and recognition of the file of SQLite."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from sidelight.errors import SpecError, complain
from sidelight.serving.database.sql_tables import meta
from sidelight.serving.domain import DatabaseError
from sidelight.target_paths import sync_folder

FIX: Final = "correct --database, or make a new one with --init"
_FORMS: Final = "give a path, sqlite:///path or postgresql+psycopg://user:password@host/name"


def parsed(url: str) -> sa.URL:
    """Parse the address of a database; a bare path is SQLite.

    Raises:
        SpecError: It is of another kind, or of no file.
    """
    try:
        found = sa.make_url(url if "://" in url else f"sqlite:///{url}")
    except sa.exc.ArgumentError:
        raise SpecError(
            complain("the address of a database", "one that cannot be read", fix=_FORMS)
        ) from None
    if found.drivername == "postgresql":
        found = found.set(drivername="postgresql+psycopg")
    if found.drivername not in ("sqlite", "postgresql+psycopg"):
        raise SpecError(complain("SQLite or PostgreSQL", repr(found.drivername), "the database", _FORMS))
    in_memory = found.database in (None, "", ":memory:") or str(found.database).startswith("file:")
    if found.drivername == "sqlite" and in_memory:
        raise SpecError(complain("a file, which outlives the program", "none", "the database", _FORMS))
    return found


def prepare_file(path: Path, make: bool) -> None:
    """Create an empty file that only its owner can read; SQLite gives its journal the same rights.

    Raises:
        DatabaseError: It cannot be created; or, where none is to be created, it has none of our tables.
    """
    if not make:
        check_ours(path)
    if path.exists():
        return
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        sync_folder(path.parent)
    except OSError as error:
        found, fix = f"{error.strerror}", "make its folder, or give another path"
        raise DatabaseError(complain("a place for the database", found, str(path), fix)) from None


def check_ours(path: Path) -> None:
    """Refuse a file that is not the database of a service, before anything in it is changed.

    Raises:
        DatabaseError: It does not exist, or has none of our tables.
    """
    found = "no such file"
    if path.exists():
        found = "none of its tables"
        try:
            with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
                if file.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (meta.name,)).fetchone():
                    return
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                return  # other defects show when it is opened for use
            found = "no SQLite database"
    raise DatabaseError(complain("the database of a service", found, str(path), FIX))


def identity(path: Path) -> tuple[int, int] | None:
    """Return device and inode, which tell a file from another one of the same name; None without a file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
