"""`sidelight keys new`, `list` and `revoke`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sidelight.cli.main import run
from sidelight.serving.database.database import Database

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "service.sqlite"


def keys(capsys: Capture, *args: Any, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as end:
        run(["keys", *map(str, args)])
    out, err = capsys.readouterr()
    assert (end.value.code or 0) == code, err
    return out, err


def test_a_new_key_works_with_the_scopes_it_was_given(capsys: Capture, path: Path) -> None:
    out, err = keys(
        capsys,
        "new",
        "till 3",
        "--scope",
        "read",
        "--scope",
        "events",
        "--database",
        path,
        "--init",
        "--json",
    )
    row = json.loads(out)
    assert (row["id"], row["name"], row["scopes"]) == (1, "till 3", "events read")
    assert "only its hash" in err and row["secret"] not in err
    with Database.open(str(path)) as db:
        key = db.check_key(row["secret"])
        assert key is not None and key.scopes == {"read", "events"}


def test_without_json_the_secret_stands_alone(capsys: Capture, path: Path) -> None:
    out, err = keys(capsys, "new", "x", "--scope", "admin", "--database", path, "--init")
    with Database.open(str(path)) as db:
        assert db.check_key(out.removesuffix("\n")) is not None
    assert "key 1 may: admin" in err and out.strip() not in err


def test_the_list_shows_no_secrets(capsys: Capture, path: Path) -> None:
    with Database.open(str(path)) as db:
        secrets = [db.add_key(name, {"read"}) for name in ("one", "two")]
        db.revoke_key(1)
    out, _ = keys(capsys, "list", "--database", path, "--json")
    assert [json.loads(line)["name"] for line in out.splitlines()] == ["two"]
    out, _ = keys(capsys, "list", "--database", path, "--revoked", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [bool(row["revoked"]) for row in rows] == [True, False]
    assert not any(secret in out for secret in secrets)
    assert "two" in keys(capsys, "list", "--database", path)[0]


def test_a_revoked_key_ends_at_once(capsys: Capture, path: Path) -> None:
    with Database.open(str(path)) as db:
        secret = db.add_key("one", {"read"})
        _, err = keys(capsys, "revoke", 1, "--database", path)
        assert "key 1 is revoked" in err and db.check_key(secret) is None
    out, err = keys(capsys, "list", "--database", path)
    assert out == "" and "keys new" in err
    _, err = keys(capsys, "revoke", 1, "--database", path, code=1)
    assert len(err.splitlines()) == 1 and "keys list" in err


def test_a_wrong_path_makes_no_database(capsys: Capture, path: Path) -> None:
    for args in (("list",), ("revoke", 1), ("new", "x", "--scope", "read")):
        _, err = keys(capsys, *args, "--database", path, code=1)
        assert "no such file" in err and len(err.splitlines()) == 1
    assert not path.exists()


def test_a_wrong_scope_is_wrong_usage(capsys: Capture, path: Path) -> None:
    assert "write" in keys(capsys, "new", "x", "--scope", "write", "--database", path, code=2)[1]
    keys(capsys, "new", "x", "--database", path, code=2)
    _, err = keys(capsys, "new", "", "--scope", "read", "--database", path, "--init", code=1)
    assert "a name" in err
