"""Item neighbours against the shrunk cosine."""

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


def _train(split):
    return split.histories().matrix().toarray().astype(np.float64)


def test_item_knn_cosine_with_shrinkage(split):
    r = _train(split)
    graph = sl.ItemKNN(neighbours=4, shrink=3.0, hub=0.0).fit(split).scorer.weights.toarray()
    norm = np.sqrt(r.sum(axis=0))
    for j in range(12):
        close = np.array([r[:, i] @ r[:, j] / (norm[i] * norm[j] + 3.0) if i != j else 0 for i in range(12)])
        kept = np.sort(close)[-4:]
        np.testing.assert_allclose(np.sort(graph[graph[:, j] > 0, j]), kept[kept > 0], rtol=1e-5)
