"""What all tests share: one thread, the made-up shop, the place of real data."""

from __future__ import annotations

import os

# Before numpy is imported anywhere: two workers with two threads each would fight over the cores.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[_name] = "1"

import shutil
from pathlib import Path

import hypothesis
import pytest
import shop as shop_module

# A fixed order of examples: a test that fails on one machine fails on all of them.
hypothesis.settings.register_profile("sidelight", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("sidelight")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes a browser."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's own folder."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop_module.write(tmp_path_factory.mktemp("made") / "shop")


@pytest.fixture
def shop(_shop: Path, tmp_path: Path) -> Path:
    """A fresh copy of the made-up shop: interactions.csv, items.csv, users.csv."""
    return Path(shutil.copytree(_shop, tmp_path / "shop"))


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real data sets named by SIDELIGHT_DATA; the test is skipped without it."""
    place = os.environ.get("SIDELIGHT_DATA", "")
    if not place:
        pytest.skip("set SIDELIGHT_DATA to the folder of real data sets to run this test")
    if not Path(place).is_dir():
        pytest.skip(f"SIDELIGHT_DATA names no folder: {place}")
    return Path(place)
