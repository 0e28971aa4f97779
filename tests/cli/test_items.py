"""`sidelight items retire`, `restore` and `list`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sidelight.cli.main import run
from sidelight.serving.database.database import Database


def items(capsys: pytest.CaptureFixture[str], *args: Any, code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as end:
        run(["items", *map(str, args)])
    assert (end.value.code or 0) == code
    return capsys.readouterr()


def test_items_are_retired_listed_and_restored(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "service.sqlite"
    assert "no such file" in items(capsys, "retire", "i1", "--database", path, code=1)[1]
    Database.open(str(path)).close()
    assert "no item is retired" in items(capsys, "list", "--database", path)[1]
    assert "2 of 2 retired" in items(capsys, "retire", "i2", "i1", "i1", "--database", path)[1]
    assert "1 of 2 restored" in items(capsys, "restore", "i2", "i3", "--database", path)[1]
    out, _ = items(capsys, "list", "--database", path, "--json")
    assert [json.loads(line) for line in out.splitlines()] == [{"item_id": "i1"}]
