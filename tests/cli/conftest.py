"""A trained bundle, a check and a demo through the command line."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.commands import Check, call

import sidelight as sl
from sidelight.data.split.files import write_split
from sidelight.datasets import groceries as module


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.setenv("COLUMNS", "80")
    return Check(capsys)


SPEC = """
use = "Blend"
[[components]]
use = "Popular"
[[components]]
use = "ContentKNN"
[[components.content]]
use = "Text"
columns = ["title", "description"]
"""


@pytest.fixture(scope="session")
def bundle(_shop, tmp_path_factory):
    """A bundle trained through the command line, and its split."""
    place = tmp_path_factory.mktemp("trained")
    write_split(sl.split.automatic(sl.read(_shop)), place / "split", source=_shop)
    (place / "spec.toml").write_text(SPEC)
    assert call("train", place / "split", "-o", place / "model", "--spec", place / "spec.toml") == 0
    return place / "model"


SMALL = functools.partial(module.groceries, households=700, products=300, events=5_000)


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder of one demo, and what it printed."""
    import contextlib
    import io

    place = tmp_path_factory.mktemp("demo") / "here"
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(module, "groceries", SMALL)
        assert call("demo", "-o", place, "--no-sentences") == 0
    yield place, said.getvalue()
