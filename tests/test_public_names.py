"""The public face: literal lists of names, loaded late, with advice for a misspelt one."""

from __future__ import annotations

import ast
import importlib
import warnings
from pathlib import Path

import pytest

import sidelight as sl

SOURCE = Path(sl.__file__).parent
STUBS = sorted(SOURCE.rglob("__init__.pyi"))


def package_of(stub: Path) -> str:
    return ".".join(("sidelight", *stub.parent.relative_to(SOURCE).parts))


@pytest.mark.parametrize("stub", STUBS, ids=package_of)
def test_the_literal_list_is_what_the_stub_declares(stub: Path) -> None:
    tree = ast.parse(stub.with_suffix(".py").read_text(encoding="utf-8"))
    assigned = [n for n in tree.body if isinstance(n, ast.Assign)]
    [literal] = [n.value for n in assigned if ast.unparse(n.targets[0]) == "__all__"]
    declared = {
        alias.asname
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    package = importlib.import_module(package_of(stub))
    assert sorted(declared) == sorted(set(ast.literal_eval(literal)) - {"__version__"}) == dir(package)
    for name in declared:
        assert getattr(package, name) is not None


@pytest.mark.parametrize("package", ["sidelight", "sidelight.tasks", "sidelight.models"])
def test_a_misspelt_name_gets_advice(package: str) -> None:
    loaded = importlib.import_module(package)
    name = next(n for n in loaded.__all__ if len(n) > 4)
    with pytest.raises(
        AttributeError, match=f"module '{package}' has no attribute .*; did you mean '{name}'"
    ):
        getattr(loaded, name + "x")
    assert not hasattr(loaded, "_hidden")


def test_no_present_name_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in sl.__all__:
            getattr(sl, name)
