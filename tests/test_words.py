"""The house rule of words: clear docstrings, names that occur once, tests that mirror the source."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sidelight"
WORDS, TYPES, STRAYS, BARE = 0, 0, 0, 0
OPENERS = "Whether|What|Who|Whom|Whose|Which|Where|How|From|Somebody|Something|Someone|Nobody|Anybody"
OPENING = re.compile(rf"(?:`[^`]*`: *)?(?:{OPENERS})\b", re.I)
ARGUMENT = re.compile(r"\*{0,2}\w+(?: ?\([^)]*\))?(?:, \*{0,2}\w+)*: Of\b")
PER = re.compile(
    r"\b(?:one|once|number|value|line|file|row|times?|users|items|slots|epochs?|steps?|draws?|mean|seconds)"
    r" an? (?:user|item|row|step|epoch|column|request|run|cell|arm|list|history|modality|task|second|slice)\b"
)
VAGUE = re.compile(r"\b(?:somebody|nobody|anybody|someone)\b", re.I)


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def violations(source: str) -> Iterator[tuple[int, str]]:
    """Lines of docstrings that break the rule, with the line of what they document."""
    for at, text in docstrings(ast.parse(source)):
        for number, line in enumerate(text.splitlines()):
            opening = OPENING.match(line) if number == 0 else ARGUMENT.match(line.strip())
            if opening or PER.search(line) or VAGUE.search(line):
                yield at, line.strip()


def test_docstrings_are_in_the_terms_of_the_field() -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line, text in violations(path.read_text(encoding="utf-8"))
    ]
    assert len(found) <= WORDS, "\n".join(found[:40])


def test_the_rule_of_words_can_be_broken() -> None:
    bad = '''
def f():
    """What it gives.

    Args:
        x: Of the user.
        y (int): One number a user.
    """
class C:
    """`C`: somebody's list."""
'''
    assert [text for _, text in violations(bad)] == [
        "What it gives.", "x: Of the user.", "y (int): One number a user.", "`C`: somebody's list.",
    ]  # fmt: skip
    assert list(violations('"""Return the history of each user, one row per user."""')) == []


def test_file_names_are_unique() -> None:
    """Except the verbs of the command line, which are named as the user types them."""
    names = Counter(p.stem for p in SOURCE.rglob("*.py") if p.stem != "__init__" and p.parent.name != "cli")
    assert sorted(name for name, count in names.items() if count > 1) == []


def test_public_type_names_are_unique() -> None:
    found: dict[str, list[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(str(path.relative_to(SOURCE)))
    twice = {name: places for name, places in found.items() if len(places) > 1}
    assert len(twice) <= TYPES, twice


def test_tests_mirror_the_source() -> None:
    """Every test file has the name and place of a source file, or is the contract of a kind of part."""
    tests = ROOT / "tests"
    strays = [
        str(path.relative_to(tests))
        for room in SOURCE.iterdir()
        for path in sorted((tests / room.name).rglob("test_*.py"))
        if room.is_dir() and path.stem != "test_contract"
        and not (SOURCE / path.relative_to(tests).parent / f"{path.stem.removeprefix('test_')}.py").exists()
    ]  # fmt: skip
    assert len(strays) <= STRAYS, strays


def test_source_files_have_a_test_file_of_their_name() -> None:
    bare = [
        str(path.relative_to(SOURCE))
        for path in sorted(SOURCE.rglob("*.py"))
        if path.stem != "__init__"
        and not (ROOT / "tests" / path.relative_to(SOURCE).parent / f"test_{path.stem}.py").exists()
    ]
    assert len(bare) <= BARE, bare
