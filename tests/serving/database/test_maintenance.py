"""Backups that can be trusted, and what forgotten users leave in the files of PostgreSQL."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import postgres
import pytest

from sidelight.errors import SpecError
from sidelight.serving.database import maintenance
from sidelight.serving.database.database import Database
from sidelight.serving.domain import DatabaseError, Event


def event(user: str, item: str = "i") -> Event:
    return Event(user, item, "click", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "service.sqlite")) as database:
        database.add_events([event("u", "a"), event("u", "b"), event("gone")])
        database.add_key("a", ["read"])
        database.forget("gone")
        yield database


def test_a_backup_of_a_database_in_use_is_whole_and_private(db: Database, tmp_path: Path) -> None:
    source, target = str(tmp_path / "service.sqlite"), tmp_path / "backup.sqlite"
    found = maintenance.backup(source, target)
    assert found == maintenance.verify(str(target)) and (found["events"], found["keys"]) == (2, 1)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    db.add_events([event("later")])
    with pytest.raises(SpecError, match="it exists already"):
        maintenance.backup(source, target)
    assert maintenance.backup(source, target, force=True)["events"] == 3
    assert not [p for p in tmp_path.iterdir() if p.name.startswith((".", "backup.sqlite-"))]
    with Database.open(str(target), make=False) as copy:
        assert copy.user_state("gone").forgotten and copy.keys_required() and copy.id == db.id


@pytest.mark.parametrize("how", ["flipped", "cut", "foreign", "absent"])
def test_a_damaged_copy_is_told_and_replaces_nothing(db: Database, tmp_path: Path, how: str) -> None:
    db.add_events([event(f"u{n}", f"i{n}") for n in range(3000)])
    good, bad = tmp_path / "good.sqlite", tmp_path / "bad.sqlite"
    maintenance.backup(str(tmp_path / "service.sqlite"), good)
    before = good.read_bytes()
    if how == "flipped":
        at = 3 * len(before) // 4 // 4096 * 4096
        bad.write_bytes(before[:at] + b"\xff" * 4096 + before[at + 4096 :])
    elif how == "cut":
        bad.write_bytes(before[: len(before) // 2 + 100])
    elif how == "foreign":
        with closing(sqlite3.connect(bad)) as other:
            other.execute("CREATE TABLE shop (id)")
    for work in (
        lambda: maintenance.verify(str(bad)),
        lambda: maintenance.backup(str(bad), good, force=True),
    ):
        with pytest.raises(DatabaseError) as found:
            work()
        assert "\n" not in str(found.value)
    assert good.read_bytes() == before


def test_vacuum_of_sqlite_loses_nothing(db: Database, tmp_path: Path) -> None:
    assert maintenance.vacuum(str(tmp_path / "service.sqlite"))
    assert [e.item_id for e in db.history("u")] == ["a", "b"] and db.user_state("gone").forgotten
    with pytest.raises(DatabaseError, match="no such file"):
        maintenance.vacuum(str(tmp_path / "other.sqlite"))


@pytest.mark.skipif(bool(postgres.why_not()), reason=str(postgres.why_not()))
def test_after_a_vacuum_no_table_of_postgresql_holds_a_forgotten_id() -> None:
    with postgres.running() as server:
        url, name = server.url(), "someone-who-was-forgotten"
        with Database.open(url) as db:
            db.add_events([event(f"other-{n}") for n in range(200)] + [event(name), event(name, "j")])
            assert db.forget(name) == 2

            def held() -> bool:
                pages = (server.folder / "data" / "base").rglob("*")
                return any(name.encode() in page.read_bytes() for page in pages if page.is_file())

            assert maintenance.vacuum(url)
            assert not held()
            assert db.user_state(name).forgotten and len(db.history("other-7")) == 1
        with pytest.raises(SpecError, match="pg_dump"):
            maintenance.verify(url)
