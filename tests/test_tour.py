"""The tour names files and functions that exist, and has twelve steps."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
STOPS = re.findall(r"\[`([\w/]+\.py): ([\w.]+)`\]\(\.\./src/sidelight/([\w/]+\.py)\)", TEXT)


def test_the_tour_has_twelve_steps() -> None:
    assert re.findall(r"^\| (\d+) \|", TEXT, re.M) == [str(n) for n in range(1, 13)]
    assert len(STOPS) == TEXT.count("](../src/") >= 12


@pytest.mark.parametrize(("shown", "name", "path"), STOPS)
def test_a_stop_is_one_function_that_exists(shown: str, name: str, path: str) -> None:
    assert shown == path
    *classes, function = name.split(".")
    node: ast.AST = ast.parse((ROOT / "src" / "sidelight" / path).read_text(encoding="utf-8"))
    for step in classes:
        [node] = [n for n in node.body if isinstance(n, ast.ClassDef) and n.name == step]  # type: ignore[attr-defined]
    assert [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == function]  # type: ignore[attr-defined]
