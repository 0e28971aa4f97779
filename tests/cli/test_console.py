"""Rows to standard output, progress to standard error, nothing overwritten by surprise."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sidelight.cli import console
from sidelight.errors import SpecError

ROWS = [
    {"item_id": "i1", "score": 0.123456, "at": datetime(2026, 1, 1, tzinfo=UTC), "tags": ["a", "b"]},
    {"item_id": "[red]é", "score": float("nan"), "at": None, "tags": []},
]


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit(pl.DataFrame(ROWS), json=True)
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert found[0] == {
        "item_id": "i1",
        "score": 0.123456,
        "at": "2026-01-01T00:00:00+00:00",
        "tags": ["a", "b"],
    }
    assert found[1] == {"item_id": "[red]é", "score": None, "at": None, "tags": []}
    assert err == ""


def test_numpy_values_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit(
        [{"a": np.float32(0.5), "b": np.arange(2), "c": np.int64(3), "d": np.inf, "e": Path("x")}], json=True
    )
    assert json.loads(capsys.readouterr().out) == {"a": 0.5, "b": [0, 1], "c": 3, "d": None, "e": "x"}


def test_a_table_shows_every_value_whole(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    console.emit([*ROWS, {"item_id": long, "new": 1}], title="Found")
    out = capsys.readouterr().out
    assert "Found" in out
    assert "0.1235" in out
    assert "[red]é" in out  # text is never read as markup
    assert long in out
    assert "new" in out


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit([], json=True)
    assert capsys.readouterr().out == ""


def test_progress_is_plain_lines_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress() as update:
        for done in range(1001):
            update(done, 1000, "encode")
        update(5, 0, "read")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["encode: 0 of 1,000", "encode: 1,000 of 1,000", "read: 5"]


def test_progress_is_a_bar_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with console.progress() as update:
        update(0, 10, "encode")
        update(10, 10, "encode")
    out, err = capsys.readouterr()
    assert out == ""
    assert "encode" in err
    assert "10/10" in err


def test_a_target_that_exists_needs_force(tmp_path: Path) -> None:
    assert console.target(tmp_path / "new") == tmp_path / "new"
    assert console.target(tmp_path) == tmp_path  # empty
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file"):
        with pytest.raises(SpecError, match="--force"):
            console.target(place)
        assert console.target(place, force=True) == place
