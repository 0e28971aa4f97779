"""Fixtures of this folder."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from datasets.cases import ARCHIVES

from sidelight.datasets import registry
from sidelight.datasets.groceries import groceries


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("groceries")
    groceries(out)
    return out


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes `download` give a small archive laid out like the real one."""

    def use(name: str) -> None:
        archive = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(archive, "w") as out:
            for member, content in ARCHIVES[name].items():
                out.writestr(member, content)
        monkeypatch.setattr(registry, "download", lambda url, *rest: archive)

    return use
