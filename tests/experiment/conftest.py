"""A split for comparisons; the list of fits begins empty in every test."""

from __future__ import annotations

import pytest
from experiment.made_arms import FITS, STOP

import sidelight as sl
from sidelight.data.synthetic import make_synthetic


@pytest.fixture(scope="session")
def split() -> sl.Split:
    return sl.split.temporal(make_synthetic(150, 60, 2500, seed=2).data)


@pytest.fixture(autouse=True)
def _counted() -> None:
    FITS.clear()
    STOP.clear()
