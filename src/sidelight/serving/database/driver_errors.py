"""Translation of driver errors to one line that never repeats an id, a value or a statement."""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa

from sidelight.errors import complain
from sidelight.serving.domain import DatabaseError

LATER = "send it again later"
# Meaning of an error: finding, remedy, whether the same call may succeed later.
_Meaning = tuple[str, str, bool]
LOST: _Meaning = ("no connection", "see that the server runs and can be reached, then send it again", True)
_SQLITE: dict[int, _Meaning] = {
    sqlite3.SQLITE_BUSY: ("it is locked by another writer", LATER, True),
    sqlite3.SQLITE_LOCKED: ("it is locked by another writer", LATER, True),
    sqlite3.SQLITE_FULL: ("the disk is full", "make room, then send it again", True),
    sqlite3.SQLITE_IOERR: ("the disk failed to read or write", "check the disk", False),
    sqlite3.SQLITE_READONLY: ("it is read-only", "see who owns the file and its folder", False),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "see that its folder is there and open", False),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "bring back a copy of the file", False),
    sqlite3.SQLITE_NOTADB: ("the file is no SQLite database", "give another file", False),
}
# By SQLSTATE, then by its class (first two characters).
_POSTGRESQL: dict[str, _Meaning] = {
    "08": LOST,
    "57P": LOST,  # shut down, crashed, starting
    "57014": ("the statement took too long", LATER, True),
    "55P03": ("it is locked by another writer", LATER, True),
    "40": ("two writers stood in each other's way", LATER, True),
    "53100": ("the disk of the server is full", "make room, then send it again", True),
    "53300": ("the server has no connection left", "allow more connections", True),
    "53": ("the server is short of resources", LATER, True),
    "25006": ("it is read-only", "give the address of the primary server", True),
    "28": ("the server refuses this name or password", "correct the address", False),
    "3D000": ("the server has no such database", "make it with createdb", False),
    "42501": ("a right is missing", "let the role make and change tables", False),
}


def translate_errors(error: Exception, kind: str) -> DatabaseError:
    """Translate an error of SQLAlchemy or of a driver to a one-line error.

    Args:
        error: The exception.
        kind: "SQLite" or "PostgreSQL".
    """
    found, fix, retry = _meaning(error)
    return DatabaseError(complain("a working database", found, kind, fix), retry)


def contended(error: Exception) -> bool:
    """Return whether PostgreSQL aborted the transaction only because of a conflict with another one."""
    return (_sqlstate(error) or "").startswith("40")


def lost(error: Exception) -> bool:
    """Return whether the connection broke, so that a new one may succeed."""
    return isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated


def broken(error: Exception) -> bool:
    """Return whether a SQLite connection should not be used again."""
    return _sqlite_code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL)


def _meaning(error: Exception) -> _Meaning:
    if isinstance(error, sa.exc.TimeoutError):
        return "all connections are in use", LATER, True
    code = _sqlite_code(error)
    if code in _SQLITE:
        return _SQLITE[code]
    state = _sqlstate(error)
    for length in (5, 3, 2):
        if state is not None and state[:length] in _POSTGRESQL:
            return _POSTGRESQL[state[:length]]
    origin = _origin(error)
    if lost(error) or (state is None and code is None and isinstance(error, sa.exc.OperationalError)):
        return LOST
    name = getattr(origin, "sqlite_errorname", None) or state or type(origin).__name__
    return f"an error {name}", "see the log of the database", False


def _origin(error: Exception) -> BaseException:
    found = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return found if found is not None else error


def _sqlite_code(error: Exception) -> int | None:
    code = getattr(_origin(error), "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF  # without the details of an extended code


def _sqlstate(error: Exception) -> str | None:
    state = getattr(_origin(error), "sqlstate", None)
    return None if state is None else str(state)
