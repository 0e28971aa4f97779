"""Items that are kept out of all lists, until that is undone."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from sidelight.serving.database import locks
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.sql_tables import now, retirements
from sidelight.serving.domain import check_id

_R = retirements.c


def put(connections: Connections, items: Sequence[str], out: bool) -> int:
    """See `Database.retire`."""
    wanted = list(dict.fromkeys(check_id(item, "an item id") for item in items))

    def work(connection: sa.Connection) -> int:
        locks.alone(connection, locks.ITEMS)
        top = connection.execute(sa.select(sa.func.coalesce(sa.func.max(_R.change), 0))).scalar_one()
        found = {
            item: was
            for at in range(0, len(wanted), 500)
            for item, was in connection.execute(
                sa.select(_R.item_id, _R.retired).where(_R.item_id.in_(wanted[at : at + 500]))
            )
        }
        changed = [item for item in wanted if found.get(item, False) is not out]
        if known := [{"id": item} for item in changed if item in found]:
            connection.execute(sa.delete(retirements).where(_R.item_id == sa.bindparam("id")), known)
        if changed:
            rows = [
                {"item_id": item, "change": top + place, "retired": out, "at": now()}
                for place, item in enumerate(changed, 1)
            ]
            connection.execute(sa.insert(retirements), rows)
        return len(changed)

    return connections.write(work)


def since(connections: Connections, change: int) -> tuple[int, frozenset[str]] | None:
    """See `Database.retired_since`."""
    top = connections.read(lambda c: c.execute(sa.select(sa.func.max(_R.change))).scalar()) or 0
    if top == change:
        return None
    rows = connections.read(lambda c: c.execute(sa.select(_R.item_id, _R.change, _R.retired)).all())
    return max((row[1] for row in rows), default=0), frozenset(row[0] for row in rows if row[2])
