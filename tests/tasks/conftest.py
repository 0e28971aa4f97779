"""Fixtures of this folder."""

from __future__ import annotations

import pytest

import sidelight as sl
from sidelight.data.synthetic import make_synthetic


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(60, 50, 900, seed=1).data)
