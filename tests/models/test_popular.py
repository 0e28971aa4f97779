"""Popularity with a half-life."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from made_splits import TRAIN, VALIDATION, split_of

import sidelight as sl

WORDS = ["red", "blue", "green", "tall", "small", "round"]


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


def _with_items(split, items):
    from dataclasses import replace

    return replace(split, data=replace(split.data, items=items))


def test_popular_halves_with_the_half_life(_shop):
    split = sl.split.automatic(sl.read(_shop))
    log = split.data.interactions
    when, item = log.timestamp[split.train], log.item[split.train]
    expected = np.zeros(split.data.n_items)
    for t, i in zip(when, item, strict=True):
        expected[i] += 0.5 ** ((when.max() - t) / 86_400e6 / 10)
    got = sl.Popular(half_life=10).fit(split).score(split.histories()[:1])[0]
    np.testing.assert_allclose(got, expected, rtol=1e-5)
