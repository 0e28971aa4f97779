"""Connections and transactions of the database, and the differences between SQLite and PostgreSQL.

Callers pass a function of a connection to `read` or `write`; durability and the separation of writers
are handled here and in `locks`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from sidelight.errors import complain, missing_extra
from sidelight.serving.database.database_url import identity, parsed, prepare_file
from sidelight.serving.database.driver_errors import broken, contended, lost, translate_errors
from sidelight.serving.domain import DatabaseError

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

PATIENCE: Final = 5.0  # seconds to wait for a lock, a connection, a server
STATEMENT: Final = 60.0  # seconds after which PostgreSQL cancels a statement
TRIES: Final = 3
POOL: Final = 8  # connections that stay open after their first use
_BUSY: Final = f"PRAGMA busy_timeout={PATIENCE * 1000:.0f}"
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",  # readers and the writer do not wait for each other
    "PRAGMA synchronous=FULL",  # a commit is on disk when it returns
    "PRAGMA secure_delete=ON",  # deleted rows are overwritten
    "PRAGMA temp_store=MEMORY",  # no ids in temporary files
    "PRAGMA trusted_schema=OFF",
    "PRAGMA journal_size_limit=67108864",
)


class Connections:
    """A pool of connections to one database. Safe to use from many threads.

    Args:
        url: "sqlite:///path", a bare path, or "postgresql+psycopg://user:password@host/name".
        make: Create a SQLite file where there is none, and accept one without our tables.

    Raises:
        SpecError: The address is of another kind.
        DatabaseError: There is no such file, or it has none of our tables.
        MissingExtraError: psycopg is not installed.
    """

    def __init__(self, url: str, make: bool = True) -> None:
        address = parsed(url)
        self.sqlite = address.get_backend_name() == "sqlite"
        self.kind = "SQLite" if self.sqlite else "PostgreSQL"
        self._path = Path(address.database or "")
        if self.sqlite:
            prepare_file(self._path, make)
        self._file = identity(self._path) if self.sqlite else None
        self._engine = _sqlite(address) if self.sqlite else _postgresql(address)
        # Without a transaction around it, a single SELECT is one round trip instead of three.
        single = {} if self.sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._single = self._engine.execution_options(**single)
        self._writer = threading.Lock()
        self._unwiped = self.sqlite  # a previous process may have died before truncating the WAL

    def close(self) -> None:
        """Close every connection of the pool."""
        if self._unwiped:
            with contextlib.suppress(sa.exc.SQLAlchemyError), self._engine.connect() as connection:
                self._wipe_again(connection)
        self._engine.dispose()

    def open_pool(self) -> None:
        """Open all pooled connections to SQLite at once, so that the number of open files stays constant.

        Connections to PostgreSQL take resources of the server: they are opened when they are needed.

        Raises:
            DatabaseError: The file cannot be opened.
        """
        if self.sqlite:
            with self._failures(), contextlib.ExitStack() as held:
                for _ in range(POOL):
                    held.enter_context(self._engine.connect())

    def first(self, work: Work[T]) -> T:
        """Run `write`; without a connection, raise the text of the driver, which holds no secret yet."""
        try:
            return self._written(work)
        except sa.exc.OperationalError as error:
            if self.sqlite or getattr(error.orig, "sqlstate", None) is not None:
                raise translate_errors(error, self.kind) from None
            text = " ".join(str(error.orig).split())
            raise DatabaseError(
                complain("a PostgreSQL that answers", text, fix="correct the address")
            ) from None
        except sa.exc.SQLAlchemyError as error:
            raise translate_errors(error, self.kind) from None

    def read(self, work: Work[T]) -> T:
        """Return the result of `work`. Outside a transaction: for a single statement.

        Raises:
            DatabaseError: It could not be read.
        """
        with self._failures():
            try:
                return self._once(work)
            except sa.exc.DBAPIError as error:
                if not lost(error):
                    raise
            return self._once(work)  # the server was restarted; the pool has discarded old connections

    def write(self, work: Work[T]) -> T:
        """Return the result of `work` after everything that it wrote is on disk, or nothing is written.

        `work` may be called again when PostgreSQL aborted its transaction in favour of another one.

        Raises:
            DatabaseError: Nothing was written; or, if the connection broke during the commit,
                perhaps everything.
        """
        with self._failures():
            return self._written(work)

    def run_outside(self, statement: str) -> None:
        """Run a statement that allows no transaction.

        Raises:
            DatabaseError: It failed.
        """
        with self._failures(), self._one_writer(), self._engine.connect() as connection:
            if not self.sqlite:
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql(statement)
            connection.invalidate()  # its settings must not reach other users of the pool

    def wipe(self) -> None:
        """Remove deleted rows from the journal of SQLite; after a later write, where that is impossible now.

        It never fails: the write before it has succeeded, and must not be reported as failed.
        """
        if self.sqlite:
            self._unwiped = True
            failing = contextlib.suppress(DatabaseError), self._failures(), self._one_writer()
            with failing[0], failing[1], failing[2], self._engine.connect() as connection:
                self._wipe(connection)

    def _once(self, work: Work[T]) -> T:
        with self._single.connect() as connection:
            return work(connection)

    def _written(self, work: Work[T]) -> T:
        for left in reversed(range(TRIES)):
            committing = False
            with self._one_writer(), self._engine.connect() as connection:
                try:
                    if self.sqlite:
                        connection.exec_driver_sql("BEGIN IMMEDIATE")
                    result = work(connection)
                    committing = True
                    connection.commit()
                    self._wipe_again(connection)
                    return result
                except sa.exc.DBAPIError as error:
                    if broken(error):
                        connection.invalidate()
                    if not left or not (contended(error) or (lost(error) and not committing)):
                        raise
            time.sleep(0.01 * (TRIES - left))
        raise AssertionError("the last try returns or raises")

    @contextlib.contextmanager
    def _one_writer(self) -> Iterator[None]:
        """Queue the writers of SQLite within the process: fairer than polling for the file's lock."""
        if not self.sqlite:
            yield
            return
        if not self._writer.acquire(timeout=4 * PATIENCE):
            raise DatabaseError(complain("a turn to write", "others that do not end", self.kind), retry=True)
        try:
            yield
        finally:
            self._writer.release()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        if self._file != (identity(self._path) if self.sqlite else None):
            # The open file has no name any more: what is written to it is lost with the process.
            found, fix = "it was deleted or replaced", "stop the service, put the file or a copy there, start"
            raise DatabaseError(complain("the file that was opened", found, self.kind, fix))
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            # Without the cause: its text may hold the row that failed.
            raise translate_errors(error, self.kind) from None

    def _wipe(self, connection: sa.Connection) -> None:
        busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        self._unwiped = bool(busy)

    def _wipe_again(self, connection: sa.Connection) -> None:
        """Repeat a wipe that a reader prevented, without waiting: the write itself is done."""
        if self._unwiped:
            with contextlib.suppress(sa.exc.DBAPIError):  # then after the next write
                connection.exec_driver_sql("PRAGMA busy_timeout=0")
                try:
                    self._wipe(connection)
                finally:
                    connection.exec_driver_sql(_BUSY)


def _sqlite(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        poolclass=sa.pool.QueuePool,
        pool_size=POOL,
        max_overflow=24,
        pool_timeout=PATIENCE,
        connect_args={"timeout": PATIENCE, "check_same_thread": False},
    )

    def prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin where the code says so
        for pragma in (_BUSY, *_PRAGMAS):
            connection.execute(pragma).close()

    sa.event.listen(engine, "connect", prepare)
    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise missing_extra("psycopg", "postgres", "PostgreSQL") from error
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        isolation_level="READ COMMITTED",  # a statement after a lock sees what was written before it
        pool_size=POOL,
        max_overflow=8,
        pool_timeout=PATIENCE,
        connect_args={
            "connect_timeout": int(PATIENCE),
            "application_name": "sidelight",
            "client_encoding": "utf8",
        },
    )

    def prepare(connection: Any, record: Any) -> None:
        before, connection.autocommit = connection.autocommit, True
        connection.execute(
            f"SET synchronous_commit = on; SET statement_timeout = {STATEMENT * 1000:.0f};"
            f"SET lock_timeout = {PATIENCE * 1000:.0f}"
        )
        connection.autocommit = before

    sa.event.listen(engine, "connect", prepare)
    return engine
