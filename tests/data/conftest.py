"""Fixtures of this folder."""

from __future__ import annotations

import pytest

from sidelight.data.synthetic import SyntheticData, make_synthetic


@pytest.fixture(scope="module")
def made() -> SyntheticData:
    return make_synthetic(400, 150, 6_000, seed=1, noise=0.1)
