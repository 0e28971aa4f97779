"""Database of the service, on SQLite or PostgreSQL with equal behaviour."""

from __future__ import annotations

import sqlalchemy as sa

from sidelight.serving.database.api_keys import KeyTable
from sidelight.serving.database.connections import Connections
from sidelight.serving.database.item_tables import ItemTables
from sidelight.serving.database.migrations import prepare_tables
from sidelight.serving.database.user_tables import UserTables


class Database(UserTables, ItemTables, KeyTable):
    """Events, consent, new items, exposures and API keys. Safe to use from many threads and processes.

    Created by `open`. Every method may raise `DatabaseError`; its `retry` says whether the same call
    may succeed later.

    Attributes:
        id: Random id, assigned when the tables were created: a store records it to recognise its database.
    """

    def __init__(self, connections: Connections, secret: bytes, identity: str) -> None:
        super().__init__()
        self._connections = connections
        self._secret, self.id = secret, identity

    @classmethod
    def open(cls, url: str, make: bool = True) -> Database:
        """Open the database at an address; a new one is created where there is none.

        Args:
            url: A path or "sqlite:///path" for SQLite, "postgresql+psycopg://..." for PostgreSQL.
                A password may also come from PGPASSWORD or ~/.pgpass.
            make: False refuses a file that does not exist, and a database without our tables.

        Raises:
            SpecError: The address is of no such kind.
            MissingExtraError: The driver is not installed.
            DatabaseError: It cannot be reached, has other tables, or its tables are of a newer version.
        """
        connections = Connections(url, make)
        try:
            secret, identity = connections.first(lambda c: prepare_tables(c, make))
        except BaseException:
            connections.close()
            raise
        return cls(connections, secret, identity)

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def open_pool(self) -> None:
        """Open at once the files of SQLite that would be opened later; no effect on PostgreSQL."""
        self._connections.open_pool()

    def ping(self) -> None:
        """Run an empty query, to check that the database responds."""
        self._connections.read(lambda c: c.execute(sa.select(1)).one())
