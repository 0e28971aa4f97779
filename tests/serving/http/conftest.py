"""Services for the tests of HTTP: a little one that answers from a dict, and one with a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from http_service import Service, published
from serving.http.cases import KEYS

from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.http.http_options import HttpOptions
from sidelight.serving.store.store import Store


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Makes services that are closed after the test."""
    made: list[Service] = []

    def new(*given: Any, **named: Any) -> Service:
        made.append(Service(tmp_path, *given, **named))
        return made[-1]

    yield new
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("open"))
    yield made
    made.close()


@pytest.fixture
def service(_service: Service) -> Service:
    """Open, on this machine; as it was at first."""
    _service.reset()
    return _service


@pytest.fixture(scope="session")
def shop_store(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions of a model of the made-up shop; nobody changes it."""
    return published(_shop, tmp_path_factory.mktemp("http") / "store")


@pytest.fixture
def real(shop_store: Path, tmp_path: Path, make: Callable[..., Service]) -> Iterator[Callable[..., Service]]:
    """Makes services around a real engine over a copy of the store."""
    import shutil

    opened: list[tuple[Engine, Database]] = []

    def new(*given: Any, **named: Any) -> Service:
        copy = shutil.copytree(shop_store, tmp_path / f"store-{len(opened)}")
        database = Database.open(str(tmp_path / f"real-{len(opened)}.sqlite"))
        engine = Engine(Store(copy), database, EngineOptions(poll=0.02))
        engine.start()
        opened.append((engine, database))
        return make(*given, engine=engine, database=database, **named)

    yield new
    for engine, database in opened:
        engine.close()
        database.close()


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Service(tmp_path_factory.mktemp("keyed"), keys=KEYS)
    yield made
    made.close()


@pytest.fixture
def narrow(make: Callable[..., Service]) -> Service:
    """Two at a time, one may wait."""
    options = HttpOptions(explorer=False, rate=0, concurrency=2, queue=1, deadline=5.0, most_body=2000)
    return make(options)
