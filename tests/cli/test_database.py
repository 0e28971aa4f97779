"""`sidelight database backup`, `verify` and `vacuum`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.commands import call

from sidelight.serving.database.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "service.sqlite"
    with Database.open(str(path), make=True) as db:
        db.retire(["i07"], True)
    return path


def test_a_backup_holds_what_the_database_holds(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.sqlite"
    assert call("database", "backup", copy, "--database", database, "--json") == 0
    [made] = map(json.loads, capsys.readouterr().out.splitlines())
    assert call("database", "verify", copy, "--json") == 0
    [found] = map(json.loads, capsys.readouterr().out.splitlines())
    assert found == made and copy.stat().st_mode & 0o077 == 0
    with Database.open(str(copy), make=False) as db:
        assert set(db.retired()) == {"i07"}


def test_a_backup_is_replaced_with_force_alone(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_text("mine")
    assert call("database", "backup", copy, "--database", database) == 1
    assert copy.read_text() == "mine" and "--force" in capsys.readouterr().err
    assert call("database", "backup", copy, "--database", database, "--force") == 0
    assert copy.read_bytes().startswith(b"SQLite format 3")


def test_a_damaged_file_is_no_backup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    assert call("database", "verify", tmp_path / "bad.sqlite") == 1
    assert "sidelight: error: " in capsys.readouterr().err


def test_vacuum_says_when_it_is_done(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("database", "vacuum", "--database", database) == 0
    assert "rewritten" in capsys.readouterr().err
