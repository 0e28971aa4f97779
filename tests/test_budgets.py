"""Sizes that keep the code readable: files, functions and inheritance."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).resolve().parent.parent / "src").rglob("*.py"))
AIM, ABOVE, FILE, FUNCTION, LOOP, DEPTH = 300, 4, 400, 50, 80, 2
LOOPS = {"training/loop.py"}  # the one training loop is read from top to bottom


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring: explaining is not to be saved on."""
    total = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        total -= first.end_lineno - first.lineno + 1
    return total


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE
    budget = LOOP if f"{path.parent.name}/{path.name}" in LOOPS else FUNCTION
    for function in functions(ast.parse(text)):
        assert lines(function) <= budget, f"{function.name} at line {function.lineno}"


def test_few_files_are_longer_than_the_aim() -> None:
    long = [p.name for p in SOURCES if len(p.read_text(encoding="utf-8").splitlines()) > AIM]
    assert len(long) <= ABOVE, long


def test_nothing_is_called_utils() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [p for p in SOURCES if vague & {p.stem, p.parent.name}] == []


def test_inheritance_is_shallow() -> None:
    """Counted over classes of the project; exceptions and protocols of Python are not its own."""
    bases: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [ast.unparse(b).split("[")[0].split(".")[-1] for b in node.bases]

    def depth(name: str) -> int:
        return 1 + max((depth(b) for b in bases[name] if b in bases and b != name), default=0)

    assert {name: depth(name) for name in bases if depth(name) > DEPTH} == {}


def test_the_budgets_can_be_broken() -> None:
    body = "\n".join(f"    x = {n}" for n in range(FUNCTION))
    [long] = functions(ast.parse(f'def f():\n    """Doc.\n\n    More.\n    """\n{body}\n'))
    assert lines(long) == FUNCTION + 1
