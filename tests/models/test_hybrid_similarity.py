"""Similarity of users and content together."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from made_splits import TRAIN, VALIDATION, split_of

import sidelight as sl
from sidelight.models.content_space import ContentSpace

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


def _space(split, *content, **options):
    return ContentSpace.fit(content or (sl.Text("title", min_df=1),), split.data, **options)


def _train(split):
    return split.histories().matrix().toarray().astype(np.float64)


def test_hybrid_knn_is_cosine_of_joined_vectors(split):
    weight, shrink = 2.0, 1.5
    model = sl.HybridKNN((sl.Text("title", min_df=1),), weight, neighbours=20, shrink=shrink, hub=0.0).fit(
        split
    )
    x = _space(split).features[0].values.toarray().astype(np.float64)
    joined = np.hstack([_train(split).T, np.sqrt(weight) * x])
    norm = np.linalg.norm(joined, axis=1)
    expected = joined @ joined.T / (np.outer(norm, norm) + shrink)
    np.fill_diagonal(expected, 0)
    expected[12:] = 0  # untouched items are no sources
    np.testing.assert_allclose(model.scorer.graph.toarray(), expected, atol=1e-5)
