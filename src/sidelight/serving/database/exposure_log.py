"""What was shown, with the chance that it had: for off-policy estimates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from sidelight.serving.database import locks
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.sql_tables import exposures, from_micros, names, people, to_micros
from sidelight.serving.database.user_registry import UserRecord, register_users, user_record
from sidelight.serving.domain import Exposure


def add(connections: Connections, secret: bytes, given: Sequence[Exposure]) -> int:
    """How many of these exposures nobody may keep; the others are stored, all or none."""
    users = list(dict.fromkeys(shown.user_id for shown in given if shown.user_id is not None))

    def work(connection: sa.Connection) -> int:
        locks.beside(connection, locks.EXPOSURES, users)
        found = user_record(connection, secret, users)
        kept = [s for s in given if s.user_id is None or found.allows(s.user_id, to_micros(s.at))]
        register_users(
            connection, secret, dict.fromkeys(s.user_id for s in kept if s.user_id is not None), found
        )
        if kept:
            connection.execute(sa.insert(exposures), [_row(shown, found) for shown in kept])
        return len(given) - len(kept)

    return connections.write(work) if given else 0


def since(connections: Connections, seq: int, limit: int) -> list[tuple[int, Exposure]]:
    """See `Database.exposures`."""
    e = exposures.c
    wanted = (
        sa.select(exposures, names.c.user_id)
        .outerjoin(people, people.c.person == e.person)
        .outerjoin(names, names.c.person == e.person)
        .where(e.seq > seq, people.c.consent.is_not(False))
        .order_by(e.seq)
        .limit(limit)
    )
    wanted = locks.settled(connections, wanted, locks.EXPOSURES, e.seq)
    rows = connections.read(lambda c: c.execute(wanted).mappings().all())
    return [(row["seq"], _exposure(row)) for row in rows]


def _row(shown: Exposure, found: UserRecord) -> dict[str, Any]:
    values = {**vars(shown), "at": to_micros(shown.at)}
    user = values.pop("user_id")
    return {**values, "person": None if user is None else found.numbers[user]}


def _exposure(row: sa.RowMapping) -> Exposure:
    values = {name: value for name, value in row.items() if name not in ("seq", "person")}
    return Exposure(**{**values, "at": from_micros(row["at"])})
