"""Every `>>>` example in the source runs as it stands; every public name has one."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import sidelight as sl

ROOT = Path(sl.__file__).parent
LEFT = 0
MODULES = sorted(
    ".".join(("sidelight", *path.relative_to(ROOT).with_suffix("").parts))
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.examples
@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    found = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert not found.failed


def test_every_public_name_has_an_example() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    bare = [
        name
        for name in sl.__all__
        if callable(thing := getattr(sl, name))
        and not any(found.examples for found in finder.find(thing, name))
    ]
    assert len(bare) <= LEFT, bare
