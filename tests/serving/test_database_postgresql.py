"""What only PostgreSQL can get wrong: locks, lost connections, addresses."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import postgres
import pytest
import sqlalchemy as sa

from sidelight.errors import MissingExtraError
from sidelight.serving.database import connections, sql_tables
from sidelight.serving.database.database import Database
from sidelight.serving.domain import DatabaseError, Event

pytestmark = pytest.mark.skipif(postgres.why_not() is not None, reason=str(postgres.why_not()))
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.running() as running:
        yield running


@pytest.fixture
def db(server: postgres.Server) -> Iterator[Database]:
    with Database.open(server.space()) as database:
        yield database


def event(user: str, name: str | None = None) -> Event:
    return Event(user, "i", "click", START, name)


def on_insert(db: Database, table: sa.Table, when: str, call: Callable[[], Any]) -> None:
    """Call something before or after each statement that inserts into a table."""
    start = f"INSERT INTO {table.name}"

    def listen(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(start):
            call()

    sa.event.listen(db._connections._engine, f"{when}_cursor_execute", listen)


def meeting(parties: int) -> Callable[[], None]:
    """A point where threads wait for each other, once and not for long."""
    barrier = threading.Barrier(parties, timeout=0.5)

    def wait() -> None:
        try:
            barrier.wait()
        except threading.BrokenBarrierError:
            return
        barrier.abort()

    return wait


def test_forgetting_waits_for_events_that_are_being_stored(db: Database) -> None:
    db.add_events([event("u", "before")])
    forgotten, storing = threading.Event(), threading.Event()

    def pause() -> None:
        storing.set()
        forgotten.wait(0.5)  # with the lock, forgetting cannot end before this transaction does

    on_insert(db, sql_tables.events, "before", pause)

    def forget() -> int:
        storing.wait(5)
        try:
            return db.forget("u")
        finally:
            forgotten.set()

    with ThreadPoolExecutor(2) as pool:
        gone = pool.submit(forget)
        assert db.add_events([event("u", "after")]) == 1
        assert gone.result() == 2
    with db._connections._engine.connect() as connection:
        assert connection.execute(sa.select(sql_tables.events)).all() == []


def test_a_number_is_given_out_only_when_none_below_it_is_still_to_come(db: Database) -> None:
    storing, read = threading.Event(), threading.Event()
    first = threading.Lock()

    def pause() -> None:
        if first.acquire(blocking=False):  # the first writer has its number, and has not committed
            storing.set()
            read.wait(0.5)

    on_insert(db, sql_tables.events, "after", pause)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(db.add_events, [event("slow")])
        storing.wait(5)
        db.add_events([event("quick")])
        found = db.events_since(0)
        read.set()
        slow.result()
    rest = db.events_since(found[-1][0])
    assert [e.user_id for _, e in found + rest] == ["slow", "quick"]


def test_a_deadlock_is_solved_by_trying_again(db: Database) -> None:
    db.add_events([event("u")])
    names = [str(n) for n in range(2000)]  # two statements
    on_insert(db, sql_tables.events, "after", meeting(2))
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(db.add_events, [event("u", n) for n in order])
            for order in (names, names[1000:] + names[:1000])
        ]
        assert sum(job.result() for job in jobs) == len(names)


def test_new_people_cause_no_deadlock(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "TRIES", 1)
    people = sorted((f"u{n}" for n in range(2000)), key=lambda user: hash(user))
    on_insert(db, sql_tables.people, "after", meeting(2))
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(db.add_events, [event(user) for user in order])
            for order in (people, people[1000:] + people[:1000])
        ]
        assert [job.result() for job in jobs] == [2000, 2000]


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
        for call in (lambda: db.person("u"), lambda: db.add_events([event("u")]), db.ping):
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
