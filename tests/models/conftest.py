"""Fixtures of this folder."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from made_splits import TRAIN, VALIDATION, split_of
from models.cases import WORDS, _with_items

import sidelight as sl


@pytest.fixture(scope="module")
def parts():
    return sl.Popular(), sl.EASE(20.0, floor=False), sl.ContentKNN((sl.Text("title"),), floor=False)


@pytest.fixture
def split():
    rng = np.random.default_rng(4)
    parts = rng.choice([0, TRAIN, VALIDATION], size=(40, 15), p=[0.6, 0.35, 0.05])
    parts[:, 12:] = np.where(parts[:, 12:] == TRAIN, VALIDATION, parts[:, 12:])
    made = split_of(parts, np.arange(15) >= 12)
    titles = [" ".join(rng.choice(WORDS, 3)) for _ in range(15)]
    items = made.data.items.with_columns(pl.Series("title", titles))
    items = items.with_columns(vector=pl.Series(rng.standard_normal((15, 3)).tolist()))
    return _with_items(made, items)
