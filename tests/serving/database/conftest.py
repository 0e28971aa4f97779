"""Fixtures of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest

from sidelight.serving.database.database import Database


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server | None]:
    if postgres.why_not():
        yield None
        return
    with postgres.running() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, server: postgres.Server | None) -> str:
    """Address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.db'}"
    if server is None:
        pytest.skip(str(postgres.why_not()))
    return server.space()


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with Database.open(url) as database:
        yield database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "service.db"
