"""Connections to SQLite: durable, wiped, patient."""

from __future__ import annotations

import importlib
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import sidelight.serving.database as package
from sidelight.errors import MissingExtraError
from sidelight.serving.database import connections, user_tables
from sidelight.serving.database.database import Database
from sidelight.serving.domain import DatabaseError, Event

START = datetime(2026, 3, 1, tzinfo=UTC)


CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event
db = Database.open(sys.argv[1])
for n in range(5):
    db.add_events([Event("u", f"{n}-{m}", "view", datetime.now(UTC)) for m in range(3)])
    print(n, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    with Database.open(str(path)) as database:
        yield database


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for only briefly."""
    monkeypatch.setattr(connections, "_BUSY", "PRAGMA busy_timeout=50")


def event(user: str, item: str = "i", at: datetime = START, name: str | None = None) -> Event:
    return Event(user, item, "click", at, name)


def test_each_connection_is_durable_and_wipes_what_it_deletes(db: Database) -> None:
    engine = db._connections._engine
    held = [engine.connect() for _ in range(12)]  # more than the pool keeps
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "temp_store": 2,
        "busy_timeout": 5000,
    }
    for connection in held:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
        assert found == wanted
        connection.close()


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_nothing_is_acknowledged_once_the_file_is_gone(path: Path, tmp_path: Path, how: str) -> None:
    """The open file would go on without a name, and end with the process."""
    with Database.open(str(path)) as db:
        db.open_pool()
        db.add_events([event("u", name="one")])
        if how == "replaced":
            with Database.open(str(tmp_path / "other.db")) as other:
                other.add_events([event("w")])
            (tmp_path / "other.db").replace(path)
        else:
            path.unlink()
        works = (
            lambda: db.add_events([event("u", name="two")]), lambda: db.forget("u"), db.ping,
            lambda: db.user_state("u"), lambda: db.add_key("a", ["read"]), lambda: db.set_consent("u", False),
        )  # fmt: skip
        for work in works:
            with pytest.raises(DatabaseError, match="it was deleted or replaced") as found:
                work()
            assert not found.value.retry
    assert path.exists() is (how == "replaced")


def test_what_was_done_is_not_told_as_failed_when_the_journal_cannot_be_wiped(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk after the commit: the rows are gone, and the journal is wiped after a later write."""
    db.add_events([event("u")])

    def full(connection: sa.Connection) -> None:
        raise sa.exc.OperationalError("", None, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(db._connections, "_wipe", full)
        assert db.forget("u") == 1 and db.user_state("u").forgotten
        assert db._connections._unwiped
    db.add_events([event("w")])
    assert not db._connections._unwiped


def test_events_outlive_a_killed_process(path: Path) -> None:
    child = [sys.executable, "-c", CHILD, str(path)]
    found = subprocess.run(child, capture_output=True, text=True, check=False)
    assert found.returncode == -signal.SIGKILL and len(found.stdout.split()) == 5, found.stderr
    with Database.open(str(path)) as db:
        assert len(db.history("u")) == 15


def test_no_byte_of_a_forgotten_name_stays_in_the_files(path: Path) -> None:
    """A name stands once in the files, and is overwritten there: a row that moved would leave a copy.

    Long names, so that pages are split and merged all the time.
    """
    rng = random.Random(5)
    everyone = [f"name-{n:05d}-".ljust(300, "x") for n in range(280)]
    rng.shuffle(everyone)
    here, gone = [], []
    with Database.open(str(path)) as db:
        for at in range(0, 280, 40):
            here += everyone[at : at + 40]
            who = enumerate(everyone[at : at + 40] + rng.choices(here, k=100))
            when = START + timedelta(hours=rng.random())
            db.add_events([event(u, f"i{n}", when, f"e-{u}-{n}") for n, u in who])
            for user in rng.sample(here, 20):
                here.remove(user)
                gone.append(user)
                assert db.forget(user) > 0
        raw = b"".join(file.read_bytes() for file in path.parent.iterdir())
        assert {user: times for user in here if (times := raw.count(user[:11].encode())) != 1} == {}
        assert [user for user in gone if user[:11].encode() in raw] == []


@pytest.mark.usefixtures("hurried")
def test_what_a_reader_keeps_in_the_journal_goes_after_the_next_write(path: Path) -> None:
    journal = path.with_name(path.name + "-wal")
    with Database.open(str(path)) as db:
        db.add_events([event("somebody")])
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sidelight_events").fetchone()
        assert db.forget("somebody") == 1 and db.user_state("somebody").forgotten
        assert b"somebody" in journal.read_bytes()
        db.add_events([event("other")])
        reader.close()
        assert b"somebody" in journal.read_bytes()
        db.add_events([event("other")])
        assert b"somebody" not in journal.read_bytes() + path.read_bytes()


def test_what_a_killed_process_left_in_the_journal_goes_when_it_is_opened(path: Path) -> None:
    journal = path.with_name(path.name + "-wal")
    subprocess.run([sys.executable, "-c", CHILD, str(path)], capture_output=True, check=False)
    assert journal.stat().st_size > 0
    with Database.open(str(path)):
        assert journal.stat().st_size == 0


@pytest.mark.usefixtures("hurried")
def test_a_lock_of_another_program_is_waited_for_then_reported(path: Path) -> None:
    with Database.open(str(path)) as db:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match="locked by another writer") as found:
            db.add_events([event("u")])
        assert found.value.retry
        assert db.history("u") == []  # reading goes on
        other.close()
        assert db.add_events([event("u")]) == 1


def test_a_full_disk_is_reported_and_nothing_is_half_stored(path: Path) -> None:
    with Database.open(str(path)) as db:
        db.add_events([event("u", name="first")])
        engine = db._connections._engine
        sa.event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA max_page_count=40").close())
        engine.dispose()
        with pytest.raises(DatabaseError, match="the disk is full") as found:
            for n in range(100):
                db.add_events([event(f"u{n}-{m}", name=f"{n}-{m}") for m in range(100)])
        assert found.value.retry
        stored = db.events_since(0)
        assert len(stored) == 1 + 100 * n and len(db.history("u")) == 1
    with Database.open(str(path)) as db:
        assert db.add_events([event(f"u{n}-{m}", name=f"{n}-{m}") for m in range(100)]) == 100


def test_a_damaged_file_is_reported(path: Path) -> None:
    with Database.open(str(path)) as db:
        db.add_events([event(f"u{n}") for n in range(2000)])
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(DatabaseError, match="damaged") as found, Database.open(str(path)) as db:
        db.events_since(0)
    assert not found.value.retry


def test_without_sqlalchemy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sidelight\[serve\]'"):
        importlib.reload(package)


def test_a_person_is_found_by_index_alone(db: Database) -> None:
    with db._connections._engine.connect() as connection:
        sql = str(user_tables._USER_STATE.compile(db._connections._engine))
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {sql}", (1, b"", b"", b"", 1000, 0)[: sql.count("?")]
        )
        steps = [row[-1] for row in plan]
    assert any("events USING INDEX sidelight_events_of_person" in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN sidelight")]


def _median_lookup(path: Path, users: int) -> float:
    """Seconds to read a user of twenty events, median of 500, in a database of so many users."""
    rng = random.Random(3)
    with Database.open(str(path)) as db:
        for at in range(0, 20 * users, 20_000):
            db.add_events([event(f"user-{rng.randrange(users)}", f"item-{rng.randrange(17_000)}",
                                 START + timedelta(seconds=at + n)) for n in range(20_000)])  # fmt: skip
        took = []
        for _ in range(500):
            user = f"user-{rng.randrange(users)}"
            started = time.process_time()
            assert len(db.user_state(user).events) > 0
            took.append(time.process_time() - started)
    return statistics.median(took)


@pytest.mark.slow
def test_a_person_is_found_among_a_million_events_as_quickly_as_among_twenty_thousand(tmp_path: Path) -> None:
    few, many = (_median_lookup(tmp_path / f"{users}.db", users) for users in (1_000, 50_000))
    assert many < 2 * few
