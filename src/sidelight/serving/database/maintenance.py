"""Verified backups of a database, and removal of the remains of deleted rows."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any, Final

from sidelight.errors import SpecError, complain
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.database_url import check_ours, parsed
from sidelight.serving.database.migrations import SCHEMA
from sidelight.serving.database.sql_tables import events, exposures, items, keys, names, people, tombstones
from sidelight.serving.domain import DatabaseError
from sidelight.target_paths import atomic_write

COUNTED: Final = (events, people, tombstones, items, exposures, keys)
PERSONAL: Final = (names, people, events, exposures, tombstones)


def backup(database: str, target: Path, force: bool = False) -> dict[str, Any]:
    """Copy a database of SQLite while services use it, and verify the copy before it gets its name.

    Args:
        database: Path or address.
        target: File to create; only its owner can read it.
        force: Replace an existing file.

    Returns:
        Result of `verify`.

    Raises:
        SpecError: The target exists, or the database is PostgreSQL.
        DatabaseError: The database or the copy is damaged, or the copy cannot be written.
    """
    source = _sqlite_file(database)
    if target.exists() and not force:
        raise SpecError(
            complain("a new file", "it exists already", str(target), "choose another, or --force")
        )
    try:
        with atomic_write(target, one_writer=True) as fresh:
            os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            with (
                contextlib.closing(_reader(source)) as old,
                contextlib.closing(sqlite3.connect(fresh)) as new,
            ):
                old.backup(new)
                new.execute("PRAGMA journal_mode=DELETE")  # one file, that can be moved
            return verify(str(fresh))
    except (OSError, sqlite3.Error) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise DatabaseError(
            complain("a place for the backup", found, str(target), "make room there")
        ) from None


def verify(database: str) -> dict[str, Any]:
    """Read every page of a database or of a copy of it; nothing in it is changed.

    Returns:
        Version of the tables, and the number of rows of each table, by name.

    Raises:
        DatabaseError: It is damaged, has none of our tables, or its tables are of a newer version.
        SpecError: It is PostgreSQL.
    """
    path = _sqlite_file(database)
    fix = "make another backup, or bring back an older one"
    try:
        with contextlib.closing(_reader(path)) as file:
            [result] = file.execute("PRAGMA integrity_check(1)").fetchone()
            if result != "ok":
                found = " ".join(str(result).split())[:200]
                raise DatabaseError(complain("a whole database", found, str(path), fix))
            query = "SELECT value FROM sidelight_meta WHERE name = 'schema_version'"
            [version] = file.execute(query).fetchone() or ("none",)
            if not version.isdigit() or int(version) > SCHEMA:
                expected, found = f"tables of version 1 to {SCHEMA}", f"version {version}"
                raise DatabaseError(complain(expected, found, str(path), "install a newer sidelight"))
            counts = {}
            for name in (table.name for table in COUNTED):
                [number] = file.execute(f"SELECT count(*) FROM {name}").fetchone()
                counts[name.removeprefix("sidelight_")] = number
    except sqlite3.Error as error:
        raise DatabaseError(complain("a whole database", str(error), str(path), fix)) from None
    return {"version": int(version), **counts}


def vacuum(database: str) -> bool:
    """Rewrite the tables with user data, so that nothing of deleted rows remains in them.

    PostgreSQL keeps deleted rows in its files until then; each table is locked while it is rewritten. Its
    write-ahead log is then cut where the role may do so; archives of it keep the rows as long as they last.
    SQLite has overwritten them already; here its file becomes as small as it can.

    Returns:
        True if the log was cut.

    Raises:
        DatabaseError: It cannot be reached, has none of our tables, or a permission is missing.
    """
    connections = Connections(database, make=False)
    try:
        rewrite = [f"VACUUM (FULL) {table.name}" for table in PERSONAL]
        cut = ["SELECT pg_switch_wal()", "CHECKPOINT"]
        if connections.sqlite:
            rewrite, cut = ["VACUUM"], ["PRAGMA wal_checkpoint(TRUNCATE)"]
        for statement in rewrite:
            connections.run_outside(statement)
        try:
            for statement in cut:
                connections.run_outside(statement)
        except DatabaseError:
            return False
        return True
    finally:
        connections.close()


def _sqlite_file(database: str) -> Path:
    address = parsed(database)
    if address.get_backend_name() != "sqlite":
        fix = "use pg_dump and pg_restore --list"
        raise SpecError(complain("a database of SQLite", "PostgreSQL", "the database", fix))
    path = Path(address.database or "")
    check_ours(path)
    return path


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
