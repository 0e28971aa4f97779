"""Verbs `items retire|restore|list`: items that no list may hold."""

from __future__ import annotations

from typing import Annotated

import typer

from sidelight.cli.console import emit, note
from sidelight.cli.shared_options import DatabaseOption, JsonLines

Ids = Annotated[list[str], typer.Argument(help="Ids of items.", show_default=False)]


def retire(items: Ids, database: DatabaseOption = "service.sqlite") -> None:
    """Keep items out of all lists of the services of a database, within a second.

    It holds over restarts and for every version, until `sidelight items restore`. Events of these items
    go on counting.

    Example:
        sidelight items retire i07 i08
    """
    _set_retired(items, database, True)


def restore(items: Ids, database: DatabaseOption = "service.sqlite") -> None:
    """Let retired items into lists again, within a second.

    Example:
        sidelight items restore i08
    """
    _set_retired(items, database, False)


def list_(
    database: DatabaseOption = "service.sqlite",
    json: JsonLines = False,
) -> None:
    """List the retired items.

    Example:
        sidelight items list
    """
    from sidelight.serving.database.database import Database

    with Database.open(database, make=False) as db:
        found = sorted(db.retired())
    if found:
        emit([{"item_id": item} for item in found], json=json)
    else:
        note("no item is retired")


def _set_retired(items: list[str], database: str, retired: bool) -> None:
    from sidelight.serving.database.database import Database

    with Database.open(database, make=False) as db:
        changed = db.retire(items, retired)
    note(f"{changed} of {len(set(items))} {'retired' if retired else 'restored'}; the others were so already")
