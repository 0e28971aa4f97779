"""One library, published once, for all tests of the explorer; one browser for those that look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from report.browser import Browser, launched
from serving.explorer.service import Service, publish, running
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
