"""Content rows that arrived after the bundle, each with the number of its change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sidelight.errors import DataError, complain
from sidelight.serving.database import locks
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.sql_tables import from_micros, items, now
from sidelight.serving.domain import ChangedItem, check_id


def put(connections: Connections, rows: Sequence[Mapping[str, Any]]) -> int:
    """See `Database.put_items`."""
    texts = {check_id(row.get("item_id"), "an item id"): _text(row) for row in rows}  # the last one wins

    def work(connection: sa.Connection) -> int:
        locks.alone(connection, locks.ITEMS)  # so the numbers are committed in their order
        top = int(
            connection.execute(sa.select(sa.func.coalesce(sa.func.max(items.c.change), 0))).scalar_one()
        )
        if not texts:
            return top
        gone = sa.delete(items).where(items.c.item_id == sa.bindparam("id"))
        connection.execute(gone, [{"id": item} for item in texts])
        new = [
            {"item_id": item, "change": top + place, "row": text, "at": now()}
            for place, (item, text) in enumerate(texts.items(), 1)
        ]
        connection.execute(sa.insert(items), new)
        return top + len(new)

    return connections.write(work)


def since(connections: Connections, change: int, limit: int) -> list[ChangedItem]:
    """See `Database.items_since`."""
    i = items.c
    wanted = sa.select(i.change, i.item_id, i.row, i.at).where(i.change > change).order_by(i.change)
    rows = connections.read(lambda c: c.execute(wanted.limit(limit)).all())
    return [ChangedItem(row[0], row[1], json.loads(row[2]), from_micros(row[3])) for row in rows]


def count(connections: Connections, change: int) -> int:
    """See `Database.items_waiting`."""
    wanted = sa.select(sa.func.count()).where(items.c.change > change)
    return int(connections.read(lambda c: c.execute(wanted).scalar_one()))


def _text(row: Mapping[str, Any]) -> str:
    """The row as JSON in ASCII: any text can be written in it, also what a database could not store."""
    names = [name for name in row if not isinstance(name, str)]
    if names:
        raise DataError(complain("columns named by text", type(names[0]).__name__, "an item row"))
    try:
        return json.dumps(dict(row), allow_nan=False)
    except (TypeError, ValueError):
        raise DataError(_unplain(row)) from None


def _unplain(row: Mapping[str, Any]) -> str:
    """Which column holds what JSON cannot say."""
    for name, value in row.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            fix = "give text, numbers, booleans, null and lists of them; leave out what is not a number"
            return complain("plain values", type(value).__name__, f"column {name!r} of an item row", fix)
    raise AssertionError("called for a row that JSON refused")
