"""Fixtures of this folder."""

from __future__ import annotations

import pytest
import served


@pytest.fixture
def engine(tmp_path):
    with served.engine(tmp_path) as made:
        yield made
