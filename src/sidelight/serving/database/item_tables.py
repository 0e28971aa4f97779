"""Tables of items: rows that arrived after the bundle, and retired items, each with a change number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sidelight.errors import DataError, complain
from sidelight.serving.database import locks
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.sql_tables import from_micros, highest, items, now, retirements
from sidelight.serving.domain import ChangedItem, check_id

_R = retirements.c
PIECE = 500  # ids in one statement


class ItemTables:
    """Part of `Database`: changed and retired items."""

    _connections: Connections

    def put_items(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Store item rows, each in place of an older one with its `item_id`.

        Args:
            rows: Plain values by column, `item_id` (text) among them. Of rows with the same
                `item_id` the last one counts.

        Returns:
            The highest change number.

        Raises:
            DataError: An id or a value cannot be stored.
        """
        texts = {check_id(row.get("item_id"), "an item id"): _to_json(row) for row in rows}

        def work(connection: sa.Connection) -> int:
            locks.exclusive(connection, locks.ITEMS)  # so that numbers are committed in their order
            return _put(connection, items, {item: {"row": text} for item, text in texts.items()})

        return self._connections.write(work)

    def items_since(self, change: int, limit: int = 1000) -> list[ChangedItem]:
        """Return the item rows changed after a change number, oldest change first, each in its last form."""
        i = items.c
        wanted = sa.select(i.change, i.item_id, i.row, i.at).where(i.change > change).order_by(i.change)
        rows = self._connections.read(lambda c: c.execute(wanted.limit(limit)).all())
        return [ChangedItem(row[0], row[1], json.loads(row[2]), from_micros(row[3])) for row in rows]

    def items_waiting(self, change: int) -> int:
        """Count the item rows changed after a change number; no row is read."""
        wanted = sa.select(sa.func.count()).where(items.c.change > change)
        return int(self._connections.read(lambda c: c.execute(wanted).scalar_one()))

    def retire(self, items: Sequence[str], retired_: bool = True) -> int:
        """Keep items out of all lists, whether or not a version has them; False admits them again.

        Returns:
            Number of items whose state changed.

        Raises:
            DataError: An id that cannot be stored.
        """
        wanted = list(dict.fromkeys(check_id(item, "an item id") for item in items))

        def work(connection: sa.Connection) -> int:
            locks.exclusive(connection, locks.ITEMS)
            before = {
                item: was
                for at in range(0, len(wanted), PIECE)
                for item, was in connection.execute(
                    sa.select(_R.item_id, _R.retired).where(_R.item_id.in_(wanted[at : at + PIECE]))
                )
            }
            changed = [item for item in wanted if before.get(item, False) is not retired_]
            _put(connection, retirements, {item: {"retired": retired_} for item in changed})
            return len(changed)

        return self._connections.write(work)

    def retired(self) -> frozenset[str]:
        """Return the ids of the items that are retired now."""
        changed = self.retired_since(0)
        return frozenset() if changed is None else changed[1]

    def retired_since(self, change: int) -> tuple[int, frozenset[str]] | None:
        """Return the number of the last retirement and all retired items; None if nothing changed since."""
        if self._connections.read(lambda c: highest(c, _R.change)) == change:
            return None
        rows = self._connections.read(lambda c: c.execute(sa.select(_R.item_id, _R.change, _R.retired)).all())
        return max((row[1] for row in rows), default=0), frozenset(row[0] for row in rows if row[2])


def _put(connection: sa.Connection, table: sa.Table, values: Mapping[str, dict[str, Any]]) -> int:
    """Store a row per item in place of its older one, with the next change numbers; return the highest."""
    top = highest(connection, table.c.change)
    if values:
        gone = sa.delete(table).where(table.c.item_id == sa.bindparam("id"))
        connection.execute(gone, [{"id": item} for item in values])
        new = [
            {"item_id": item, "change": top + place, "at": now(), **value}
            for place, (item, value) in enumerate(values.items(), 1)
        ]
        connection.execute(sa.insert(table), new)
    return top + len(values)


def _to_json(row: Mapping[str, Any]) -> str:
    """Encode a row as JSON in ASCII, which holds any text, also text that a database could not store."""
    names = [name for name in row if not isinstance(name, str)]
    if names:
        raise DataError(complain("columns named by text", type(names[0]).__name__, "an item row"))
    try:
        return json.dumps(dict(row), allow_nan=False)
    except (TypeError, ValueError):
        raise DataError(_complaint(row)) from None


def _complaint(row: Mapping[str, Any]) -> str:
    """Name the column whose value JSON cannot represent."""
    for name, value in row.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            fix = "give text, numbers, booleans, null and lists of them; leave out what is not a number"
            return complain("plain values", type(value).__name__, f"column {name!r} of an item row", fix)
    raise AssertionError("called for a row that JSON refused")
