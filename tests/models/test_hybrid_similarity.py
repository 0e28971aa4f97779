"""Similarity of users and content together."""

from __future__ import annotations

import numpy as np
from models.cases import _space, _train

import sidelight as sl


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
