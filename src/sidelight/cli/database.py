"""Verbs `database backup|verify|vacuum`: maintenance of a service's database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sidelight.cli.console import emit, note
from sidelight.cli.shared_options import DatabaseOption, JsonObject


def backup(
    target: Annotated[Path, typer.Argument(help="File to make.", show_default=False)],
    database: DatabaseOption = "service.sqlite",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: JsonObject = False,
) -> None:
    """Copy the SQLite database of a service, also while it runs, and verify the copy.

    Only its owner can read the copy. It gets its name once every page of it was read; a copy that is damaged
    never replaces one that is not. For PostgreSQL use pg_dump.

    Example:
        sidelight database backup backup.sqlite
    """
    from sidelight.serving.database import maintenance

    emit([maintenance.backup(database, target, force)], json=json)


def verify(
    file: Annotated[str, typer.Argument(help="Backup, or database of SQLite.", show_default=False)],
    json: JsonObject = False,
) -> None:
    """Read every page of a backup, and list its contents. Nothing is changed.

    Example:
        sidelight database verify backup.sqlite
    """
    from sidelight.serving.database import maintenance

    emit([maintenance.verify(file)], json=json)


def vacuum(database: DatabaseOption = "service.sqlite") -> None:
    """Rewrite the tables with user data, so that nothing of a forgotten user stays in them.

    For PostgreSQL, which keeps deleted rows until then; each table is locked meanwhile. SQLite overwrites
    deleted rows; its file only becomes smaller.

    Example:
        sidelight database vacuum
    """
    from sidelight.serving.database import maintenance

    done = maintenance.vacuum(database)
    note("the tables are rewritten, and nothing of deleted rows is left in them")
    if not done:
        note("the journal could not be cut: it keeps deleted rows until the server recycles it")
