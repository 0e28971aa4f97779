"""Where a database is: its address, and the file of SQLite that is made, recognised and watched."""

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

FIX: Final = "correct --database, or make a new one with --init"
_FORMS: Final = "give a path, sqlite:///path or postgresql+psycopg://user:password@host/name"


def parsed(url: str) -> sa.URL:
    """The address of a database, of SQLite where it is only a path.

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
    """Make an empty file that only its owner can read; SQLite gives its journal the same rights.

    Raises:
        DatabaseError: It cannot be made; or, where none is to be made, it is not ours.
    """
    if not make:
        check_ours(path)
    if path.exists():
        return
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        found, fix = f"{error.strerror}", "make its folder, or give another path"
        raise DatabaseError(complain("a place for the database", found, str(path), fix)) from None
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check_ours(path: Path) -> None:
    """Refuse a file that is not the database of a service, before anything in it is changed.

    Raises:
        DatabaseError: It is not there, or has none of our tables.
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
                return  # what is wrong shows when it is opened in earnest
            found = "no SQLite database"
    raise DatabaseError(complain("the database of a service", found, str(path), FIX))


def identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one under the same name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
