"""The file `DATABASE` of a store: the id of its database, so that another one is not used by mistake.

Another database does not know who was forgotten, nor that keys are required.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sidelight.errors import BundleError, complain
from sidelight.serving.store import version_files as files

DATABASE: Final = "DATABASE"
_ID: Final = re.compile(r"[0-9a-f]{32}")


def link_database(root: Path, database: str, anew: bool) -> str:
    """Record the database of a store, or check that it is the recorded one.

    Args:
        root: The store.
        database: Id of the database, see `Database.id`.
        anew: Accept it in place of another one.

    Returns:
        A remark for operators, "" where there is none.

    Raises:
        BundleError: The store was served with another database.
    """
    path = root / DATABASE
    known = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
    if known == database:
        return ""
    if known and not anew:
        found = "another one" if _ID.fullmatch(known) else "a damaged note of it"
        fix = "correct --database, or let the store take this one with --init"
        raise BundleError(complain("the database that this store was served with", found, str(path), fix))
    try:
        files.replace_file(path, f"{database}\n".encode())
    except OSError as error:
        return f"the store cannot record which database is its own: {error.strerror}"
    if known:
        return "the store has a new database: it does not know who was forgotten in the one before"
    return ""
