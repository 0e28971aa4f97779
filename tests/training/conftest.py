"""Fixtures of this folder."""

from __future__ import annotations

import pytest
from training.cases import first_clicks

import sidelight as sl
from sidelight.data.synthetic import make_synthetic


@pytest.fixture(scope="module")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(80, 60, 700, seed=3).data)


@pytest.fixture(scope="module")
def many() -> sl.Split:
    return sl.split.random_per_user(make_synthetic(250, 300, 4000, seed=5, skew=0.3).data)


@pytest.fixture(scope="module")
def lone(many: sl.Split) -> sl.Split:
    return first_clicks(many)
