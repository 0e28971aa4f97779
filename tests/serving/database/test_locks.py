"""Locks of PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import postgres
import pytest
import sqlalchemy as sa

from sidelight.serving.database import connections, sql_tables
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event

pytestmark = pytest.mark.skipif(postgres.why_not() is not None, reason=str(postgres.why_not()))


START = datetime(2026, 3, 1, tzinfo=UTC)


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
