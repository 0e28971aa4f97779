"""Ordered migrations of the tables to the present version, all at once or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from sidelight.errors import complain
from sidelight.serving.database import locks
from sidelight.serving.database.database_url import FIX
from sidelight.serving.database.sql_tables import keys, meta, metadata, retirements
from sidelight.serving.domain import DatabaseError

KEYS_REQUIRED: Final = "keys_required"
IDENTITY: Final = "database_id"
MARKS: Final = "tombstone_key"


def prepare_tables(connection: sa.Connection, make: bool) -> tuple[bytes, str]:
    """Bring the tables up to date, in the transaction that is open.

    Args:
        connection: Connection with an open transaction.
        make: Create the tables where there are none.

    Returns:
        The key of the tombstones, and the id of the database.

    Raises:
        DatabaseError: There are no tables and none are to be created, or they are of a newer version.
    """
    locks.exclusive(connection, locks.SCHEMA)
    if connection.dialect.name == "postgresql":
        encoding = str(connection.execute(sa.text("SHOW server_encoding")).scalar_one())
        if encoding != "UTF8":
            fix = "make it with createdb --encoding UTF8 --template template0"
            raise DatabaseError(complain("a database in UTF8", encoding, "PostgreSQL", fix))
    if not sa.inspect(connection).has_table(meta.name):
        if not make:
            raise DatabaseError(complain("the database of a service", "none of its tables", fix=FIX))
        metadata.create_all(connection)
        first = {"schema_version": str(SCHEMA), MARKS: secrets.token_hex(32)}
        _write(connection, first | {KEYS_REQUIRED: "0", IDENTITY: secrets.token_hex(16)})
    values = _read(connection)
    version = values.get("schema_version", "none")
    if not version.isdigit() or not 1 <= int(version) <= SCHEMA:
        fix = "install a newer sidelight" if version.isdigit() else "bring back a copy of the database"
        expected = f"tables of version 1 to {SCHEMA}"
        raise DatabaseError(complain(expected, f"version {version}", "the database", fix))
    for migrate in MIGRATIONS[int(version) - 1 :]:
        migrate(connection)
    if version != str(SCHEMA):
        connection.execute(sa.update(meta).where(meta.c.name == "schema_version").values(value=str(SCHEMA)))
        values = _read(connection)
    return bytes.fromhex(values[MARKS]), values[IDENTITY]


def _to_version_2(connection: sa.Connection) -> None:
    """Version 2: record whether keys are required, and give the database an id."""
    ever = connection.execute(sa.select(keys.c.id).limit(1)).first() is not None
    _write(connection, {KEYS_REQUIRED: str(int(ever)), IDENTITY: secrets.token_hex(16)})


def _to_version_3(connection: sa.Connection) -> None:
    """Version 3: give admin keys the new scopes for metrics and histories, which they covered before."""
    for number, scopes in connection.execute(sa.select(keys.c.id, keys.c.scopes)).all():
        if "admin" in scopes.split():
            more = " ".join(sorted({*scopes.split(), "history", "metrics"}))
            connection.execute(sa.update(keys).where(keys.c.id == number).values(scopes=more))


def _to_version_4(connection: sa.Connection) -> None:
    """Version 4: create the table of retired items."""
    retirements.create(connection)


MIGRATIONS: Final[tuple[Callable[[sa.Connection], None], ...]] = (_to_version_2, _to_version_3, _to_version_4)
SCHEMA: Final = 1 + len(MIGRATIONS)  # of the tables; a database of a newer version is not opened


def _read(connection: sa.Connection) -> dict[str, str]:
    return {name: value for name, value in connection.execute(sa.select(meta.c.name, meta.c.value))}


def _write(connection: sa.Connection, values: dict[str, str]) -> None:
    connection.execute(sa.insert(meta), [{"name": name, "value": value} for name, value in values.items()])
