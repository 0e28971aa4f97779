"""The verbs `database backup|verify|vacuum`: what an operator does with the database of a service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Where = Annotated[str, typer.Option("--database", help="Database of the service.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]


def backup(
    target: Annotated[Path, typer.Argument(help="File to make.", show_default=False)],
    database: Where = "service.sqlite",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: Json = False,
) -> None:
    """Copy the SQLite database of a service, also while it runs, and verify the copy.

    Only its owner can read the copy. It gets its name once every page of it was read; a copy that is damaged
    never replaces one that is not. For PostgreSQL use pg_dump.

    Example:
        sidelight database backup backup.sqlite
    """
    from sidelight.cli.console import emit
    from sidelight.serving.database import maintenance

    emit([maintenance.backup(database, target, force)], json=json)


def verify(
    file: Annotated[str, typer.Argument(help="Backup, or database of SQLite.", show_default=False)],
    json: Json = False,
) -> None:
    """Read every page of a backup, and say what is in it. Nothing is changed.

    Example:
        sidelight database verify backup.sqlite
    """
    from sidelight.cli.console import emit
    from sidelight.serving.database import maintenance

    emit([maintenance.verify(file)], json=json)


def vacuum(database: Where = "service.sqlite") -> None:
    """Rewrite the tables that know people, so that nothing of a forgotten user stays in them.

    For PostgreSQL, which keeps deleted rows until then; each table is locked meanwhile. SQLite overwrites
    what is deleted; its file only becomes smaller.

    Example:
        sidelight database vacuum
    """
    from sidelight.cli.console import note
    from sidelight.serving.database import maintenance

    done = maintenance.vacuum(database)
    note("the tables are rewritten, and nothing of deleted rows is left in them")
    if not done:
        note("the journal could not be cut: it keeps deleted rows until the server recycles it")
