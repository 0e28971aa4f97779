"""Addresses and files of SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidelight.errors import SpecError
from sidelight.serving.database.database import Database
from sidelight.serving.domain import DatabaseError, Event

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    with Database.open(str(path)) as database:
        yield database


def event(user: str, item: str = "i", at: datetime = START, name: str | None = None) -> Event:
    return Event(user, item, "click", at, name)


def test_only_the_owner_can_read_the_files(db: Database, path: Path) -> None:
    db.add_events([event("u")])
    files = list(path.parent.iterdir())
    assert path in files and len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("content", [None, b"", b"user,item\nu1,i1\n", "sqlite"])
def test_a_path_that_holds_no_database_of_ours_is_refused_and_left_alone(
    path: Path, content: bytes | str | None
) -> None:
    if content == "sqlite":
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE shop (id)")
    elif content is not None:
        path.write_bytes(content)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(DatabaseError, match=r"expected the database of a service; .*--init") as found:
        Database.open(str(path), make=False)
    assert "\n" not in str(found.value)
    assert (path.read_bytes() if path.exists() else None) == before
    assert [each.name for each in path.parent.iterdir()] == ([path.name] if before is not None else [])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://", "a file"), ("sqlite:///:memory:", "a file"), ("sqlite:///file:x?uri=true", "a file"),
        ("", "a file"), ("mysql://localhost/x", "'mysql'"), ("postgresql+psycopg2://localhost/x", "psycopg2"),
        ("://", "cannot be read"),
    ],
)  # fmt: skip
def test_an_address_of_another_kind_is_refused(url: str, said: str) -> None:
    with pytest.raises(SpecError, match=said) as found:
        Database.open(url)
    assert "postgresql+psycopg://" in str(found.value)


def test_a_place_without_a_folder_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path / "none" / "x.db", tmp_path):
        with pytest.raises(DatabaseError) as found:
            Database.open(str(place))
        assert len(str(found.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_not_taken_for_a_database(path: Path) -> None:
    path.write_text("user_id,item_id\n" * 100)
    with pytest.raises(DatabaseError, match="no SQLite database") as found:
        Database.open(str(path))
    assert not found.value.retry and path.read_text().startswith("user_id")


def test_a_path_and_an_address_are_the_same(path: Path) -> None:
    with Database.open(str(path)) as a, Database.open(f"sqlite:///{path}") as b:
        a.add_events([event("u")])
        assert len(b.history("u")) == 1
