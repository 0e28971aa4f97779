"""The verbs `items retire|restore|list`: which items no list may hold."""

from __future__ import annotations

from typing import Annotated

import typer

Ids = Annotated[list[str], typer.Argument(help="Ids of items.", show_default=False)]
Where = Annotated[str, typer.Option("--database", help="Database of the service.")]


def retire(items: Ids, database: Where = "service.sqlite") -> None:
    """Keep items out of all lists of the services of a database, within a second.

    It holds over restarts and for every version, until `sidelight items restore`. What people did with these
    items goes on counting.

    Example:
        sidelight items retire i07 i08
    """
    _put(items, database, True)


def restore(items: Ids, database: Where = "service.sqlite") -> None:
    """Let retired items into lists again, within a second.

    Example:
        sidelight items restore i08
    """
    _put(items, database, False)


def list_(
    database: Where = "service.sqlite",
    json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """List the retired items.

    Example:
        sidelight items list
    """
    from sidelight.cli.console import emit, note
    from sidelight.serving.database.database import Database

    with Database.open(database, make=False) as db:
        found = sorted(db.retired())
    if found:
        emit([{"item_id": item} for item in found], json=json)
    else:
        note("no item is retired")


def _put(items: list[str], database: str, out: bool) -> None:
    from sidelight.cli.console import note
    from sidelight.serving.database.database import Database

    with Database.open(database, make=False) as db:
        changed = db.retire(items, out)
    note(f"{changed} of {len(set(items))} {'retired' if out else 'restored'}; the others were so already")
