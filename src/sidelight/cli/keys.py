"""Verbs `keys new|list|revoke`: API keys of the service."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sidelight.cli.console import emit, note
from sidelight.cli.shared_options import DatabaseOption, JsonLines

if TYPE_CHECKING:
    from sidelight.serving.domain import Key


class Scope(StrEnum):
    """Permission of a key; an enumeration, as typer takes no list of literals."""

    read = "read"
    history = "history"
    events = "events"
    metrics = "metrics"
    admin = "admin"


def new(
    name: Annotated[str, typer.Argument(help="Holder or purpose of the key.", show_default=False)],
    scope: Annotated[
        list[Scope], typer.Option(help="Permission; repeat for more than one.", show_default=False)
    ],
    database: DatabaseOption = "service.sqlite",
    init: Annotated[bool, typer.Option("--init", help="Make the database if there is none.")] = False,
    json: JsonLines = False,
) -> None:
    """Make an API key and print its secret, which is shown only now.

    read: lists, similar items, status. history: answers that reveal the history of a stored user
    (reasons, items they have seen). events: send events. metrics: figures for Prometheus. admin: items,
    consent, forgetting, audiences, versions. One key may have several. From the first key on, a service
    answers no request without one, a running one too, also when all keys are revoked. The password of a
    PostgreSQL may come from PGPASSWORD or ~/.pgpass.

    Example:
        sidelight keys new "shop window" --scope read --scope events --init
    """
    from sidelight.errors import DataError, complain
    from sidelight.serving.database.database import Database

    with Database.open(database, make=init) as db:
        secret = db.add_key(name, frozenset(str(each) for each in scope))
        key = db.check_key(secret)
    if key is None:
        raise DataError(complain("the key that was just made", "none", "the database", "make another one"))
    if json:
        emit([{**_row(key, revoked=False), "secret": secret}], json=True)
    else:
        print(secret)  # alone, for `secret=$(sidelight keys new ...)`; a table could break the line
    note(f"key {key.id} may: {' '.join(sorted(key.scopes))}. Keep the secret now: only its hash is stored")
    note("send it as: Authorization: Bearer SECRET")


def list_(
    database: DatabaseOption = "service.sqlite",
    revoked: Annotated[bool, typer.Option("--revoked", help="Also keys that no longer work.")] = False,
    json: JsonLines = False,
) -> None:
    """List the API keys, without their secrets.

    Example:
        sidelight keys list --revoked
    """
    from sidelight.serving.database.database import Database

    with Database.open(database, make=False) as db:
        rows = [_row(key, revoked) for key in db.keys(revoked=revoked)]
    if rows:
        emit(rows, json=json)
    else:
        note("no keys: make one with `sidelight keys new`")


def revoke(
    key: Annotated[int, typer.Argument(help="Its id, from `sidelight keys list`.", show_default=False)],
    database: DatabaseOption = "service.sqlite",
) -> None:
    """End an API key within three seconds, and the sessions of its holder at once.

    Example:
        sidelight keys revoke 1
    """
    from sidelight.errors import DataError, complain
    from sidelight.serving.database.database import Database

    with Database.open(database, make=False) as db:
        ended = db.revoke_key(key)
    if not ended:
        fix = "sidelight keys list shows the keys that work"
        raise DataError(complain("the id of a key that works", f"{key}", "the database", fix))
    note(f"key {key} is revoked")


def _row(key: Key, revoked: bool) -> dict[str, Any]:
    scopes = " ".join(sorted(key.scopes))
    row = {"id": key.id, "name": key.name, "scopes": scopes, "created": _iso(key.created)}
    return {**row, "revoked": _iso(key.revoked)} if revoked else row


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
