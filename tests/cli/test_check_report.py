"""Report of `sidelight check`: it fits the terminal and shows only safe text."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.commands import Check


def test_report_fits_the_terminal_and_says_the_main_things(shop: Path, check: Check) -> None:
    out = check(shop)
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].strip() == "shop"
    assert "60 users, 80 items" in lines[1] and "2025-10-01 to 2026-03" in lines[1]
    for title in ("Activity", "Content", "Cold items over time"):
        assert title in lines
    assert "tags?" in out and "are guesses" in out and "sensitive" in out
    assert "-o OUT" in lines[-2] or "-o OUT" in out
    assert "reading" in check.err and "reading" not in out


@pytest.mark.parametrize("columns", [40, 60, 120, 300])
def test_report_at_other_widths(
    shop: Path, check: Check, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(map(len, check(shop).splitlines())) <= min(columns, 110)


def test_a_terminal_without_unicode_still_gets_bars(
    shop: Path, check: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    title = (shop / "items.csv").read_text().splitlines()[1]
    (shop / "items.csv").write_text(
        (shop / "items.csv").read_text().replace(title, title.replace("no 1", "<b>é</b>"))
    )
    with (tmp_path / "out.txt").open("w", encoding="ascii") as file:
        monkeypatch.setattr("sys.stdout", file)
        check(shop)
    text = (tmp_path / "out.txt").read_text(encoding="ascii")
    assert "####" in text and "! " in text and "<b>?</b>" in text


def test_a_column_name_cannot_steer_the_terminal(shop: Path, check: Check) -> None:
    items = shop / "items.csv"
    items.write_text(items.read_text().replace("brand", "br\x1b[31mand", 1))
    out = check(shop)
    assert "br?[31mand" in out and "\x1b[31mand" not in out
