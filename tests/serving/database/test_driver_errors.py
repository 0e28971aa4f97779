"""Failures of PostgreSQL in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import postgres
import pytest
import sqlalchemy as sa

from sidelight.errors import MissingExtraError
from sidelight.serving.database.database import Database
from sidelight.serving.domain import DatabaseError, Event

pytestmark = pytest.mark.skipif(postgres.why_not() is not None, reason=str(postgres.why_not()))


START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def db(server: postgres.Server) -> Iterator[Database]:
    with Database.open(server.space()) as database:
        yield database


def event(user: str, name: str | None = None) -> Event:
    return Event(user, "i", "click", START, name)


def test_a_lone_read_leaves_no_transaction_open(db: Database) -> None:
    def state(connection: sa.Connection) -> str:
        connection.execute(sa.select(1)).one()
        return str(connection.connection.driver_connection.info.transaction_status.name)  # type: ignore[union-attr]

    assert db._connections.read(state) == "IDLE"
    assert db._connections.write(state) == "INTRANS"


def test_a_commit_is_on_the_disk_whatever_the_server_prefers(db: Database) -> None:
    def setting(connection: sa.Connection) -> str:
        return str(connection.execute(sa.text("SHOW synchronous_commit")).scalar_one())

    assert db._connections.write(setting) == "on"


def test_a_server_that_was_started_again_is_found_again() -> None:
    with postgres.running() as own, Database.open(own.url()) as db:
        db.add_events([event("u", "one")])
        own.stop("fast")
        for call in (lambda: db.user_state("u"), lambda: db.add_events([event("u")]), db.ping):
            with pytest.raises(DatabaseError, match="no connection") as found:
                call()
            assert found.value.retry and len(str(found.value).splitlines()) == 1
        own.start()
        assert len(db.history("u")) == 1
        own.stop("fast")
        own.start()
        assert (
            db.add_events([event("u", "two")]) == 1
        )  # connections of the pool are dead, and it says nothing


def test_a_server_that_is_not_there_is_named_in_one_line(server: postgres.Server) -> None:
    for url, said in (
        ("postgresql+psycopg://tester:pass-word@127.0.0.1:1/shop", "refused"),
        (server.url("nothing_here"), "nothing_here"),
        (server.url().replace("tester", "stranger"), "stranger"),
    ):
        with pytest.raises(DatabaseError, match=said) as found:
            Database.open(url)
        assert len(str(found.value).splitlines()) == 1 and "pass-word" not in str(found.value)


def test_a_database_that_cannot_hold_all_text_is_refused(server: postgres.Server) -> None:
    with pytest.raises(DatabaseError, match="UTF8; found SQL_ASCII"):
        Database.open(server.new("ascii", encoding="SQL_ASCII"))


def test_a_role_without_rights_is_told_so(server: postgres.Server) -> None:
    with Database.open(server.new("locked")) as db, db._connections._engine.begin() as connection:
        connection.execute(sa.text("CREATE ROLE guest LOGIN"))
    with pytest.raises(DatabaseError, match="a right is missing") as found:
        Database.open(server.url("locked").replace("tester", "guest"))
    assert not found.value.retry


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sidelight\[postgres\]'"):
        Database.open("postgresql://localhost/shop")
