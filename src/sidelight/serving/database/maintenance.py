"""Copies of a database that can be trusted, and the removal of what deleted rows leave behind."""

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

COUNTED: Final = (events, people, tombstones, items, exposures, keys)
PERSONAL: Final = (names, people, events, exposures, tombstones)


def backup(database: str, target: Path, force: bool = False) -> dict[str, Any]:
    """Copy a database of SQLite while services use it, and verify the copy before it gets its name.

    Args:
        database: Path or address.
        target: File to make; only its owner can read it.
        force: Replace a file that is there.

    Returns:
        What `verify` found.

    Raises:
        SpecError: The target exists, or the database is PostgreSQL.
        DatabaseError: The database or the copy is damaged, or the copy cannot be written.
    """
    source = _sqlite_file(database)
    if target.exists() and not force:
        raise SpecError(
            complain("a new file", "it exists already", str(target), "choose another, or --force")
        )
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(_reader(source)) as old, contextlib.closing(sqlite3.connect(part)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")  # one file, that can be moved
        found = verify(str(part))
        with open(part, "rb") as written:
            os.fsync(written.fileno())
        os.replace(part, target)
    except (OSError, sqlite3.Error) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise DatabaseError(
            complain("a place for the backup", said, str(target), "make room there")
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return found


def verify(database: str) -> dict[str, Any]:
    """Read every page of a database or of a copy of it; nothing in it is changed.

    Returns:
        Version of the tables, and how many rows the tables have, by name.

    Raises:
        DatabaseError: It is damaged, is none of ours, or its tables are of a newer version.
        SpecError: It is PostgreSQL.
    """
    path = _sqlite_file(database)
    fix = "make another backup, or bring back an older one"
    try:
        with contextlib.closing(_reader(path)) as file:
            [said] = file.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                raise DatabaseError(
                    complain("a whole database", " ".join(str(said).split())[:200], str(path), fix)
                )
            [version] = file.execute(
                "SELECT value FROM sidelight_meta WHERE name = 'schema_version'"
            ).fetchone() or ("none",)
            if not version.isdigit() or int(version) > SCHEMA:
                said = f"tables of version 1 to {SCHEMA}", f"version {version}"
                raise DatabaseError(complain(*said, str(path), "install a newer sidelight"))
            counts = {
                table.name.removeprefix("sidelight_"): file.execute(
                    f"SELECT count(*) FROM {table.name}"
                ).fetchone()[0]
                for table in COUNTED
            }
    except sqlite3.Error as error:
        raise DatabaseError(complain("a whole database", str(error), str(path), fix)) from None
    return {"version": int(version), **counts}


def vacuum(database: str) -> bool:
    """Rewrite the tables that know people, so that nothing of deleted rows stays in them.

    PostgreSQL keeps deleted rows in its files until then; each table is locked while it is rewritten. Its
    write-ahead log is then cut where the role may do so; archives of it keep the rows as long as they last.
    SQLite has overwritten them already; here its file becomes as small as it can.

    Returns:
        Whether the log was cut.

    Raises:
        DatabaseError: It cannot be reached, is none of ours, or a right is missing.
    """
    connections = Connections(database, make=False)
    try:
        wanted = ["VACUUM"] if connections.sqlite else [f"VACUUM (FULL) {table.name}" for table in PERSONAL]
        for statement in wanted:
            connections.alone(statement)
        try:
            for statement in (
                ("PRAGMA wal_checkpoint(TRUNCATE)",) if connections.sqlite
                else ("SELECT pg_switch_wal()", "CHECKPOINT")
            ):  # fmt: skip
                connections.alone(statement)
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
