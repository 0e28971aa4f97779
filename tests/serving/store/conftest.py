"""Fixtures of this folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import made_store
import pytest
from serving.store.cases import fill

from sidelight.serving.store.store import Store


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("bundles")
    return [made_store.model(seed).save(place / f"m{seed}", metrics={"cold.ndcg@10": 0.1}) for seed in (0, 1)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(scope="module")
def template(bundles: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(Store(tmp_path_factory.mktemp("template") / "store"), bundles).root


@pytest.fixture
def served(template: Path, store: Store) -> Store:
    """Two versions, `a` and `b`, both promoted one after the other: `b` serves.

    A copy, as after a restored backup: the files are the same, their stamps are not.
    """
    shutil.copytree(template, store.root)
    return store
