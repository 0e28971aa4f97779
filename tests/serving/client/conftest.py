"""Fixtures of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sidelight.serving.client import client as client_module


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    found: list[float] = []
    monkeypatch.setattr(client_module.time, "sleep", found.append)
    yield found
