"""One library, published once, for all tests of the explorer; one browser for those that look."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report.browser import Browser, launched
from serving.explorer.service import Service, publish, running
from serving.explorer.visitor import Visitor
from serving.explorer.web import Web


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions; whoever changes what serves in it takes a copy."""
    return publish(tmp_path_factory.mktemp("library") / "store")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with launched(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="session")
def shared(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The pages over the library, for tests that change nothing."""
    with running(published, tmp_path_factory.mktemp("shared")) as found:
        yield found


@pytest.fixture
def web(browser: Browser, shared: Service) -> Web:
    """A tab in a window of 1280 pixels, in the light, without a past."""
    found = Web(browser, shared.base)
    found.fresh()
    found.window()
    return found


@pytest.fixture
def own(published: Path, tmp_path: Path, browser: Browser) -> Any:
    """The pages over a store of their own, for tests that change something."""
    store = Path(shutil.copytree(published, tmp_path / "store"))
    with running(store, tmp_path) as service:
        web = Web(browser, service.base)
        web.fresh()
        web.window()
        yield web, service


@pytest.fixture
def open_(shared: Service) -> Iterator[Visitor]:
    """A visitor of a service without keys."""
    with Visitor(shared) as found:
        yield found


@pytest.fixture(scope="session")
def locked(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for keys."""
    folder = tmp_path_factory.mktemp("locked")
    store = Path(shutil.copytree(published, folder / "store"))
    with running(store, folder, keys=True) as found:
        yield found


@pytest.fixture
def guest(locked: Service) -> Iterator[Visitor]:
    """Somebody at the door of a service with keys."""
    with Visitor(locked) as found:
        yield found
