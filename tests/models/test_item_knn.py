"""Item neighbours against the shrunk cosine."""

from __future__ import annotations

import numpy as np
from models.cases import _train

import sidelight as sl


def test_item_knn_cosine_with_shrinkage(split):
    r = _train(split)
    graph = sl.ItemKNN(neighbours=4, shrink=3.0, hub=0.0).fit(split).scorer.weights.toarray()
    norm = np.sqrt(r.sum(axis=0))
    for j in range(12):
        close = np.array([r[:, i] @ r[:, j] / (norm[i] * norm[j] + 3.0) if i != j else 0 for i in range(12)])
        kept = np.sort(close)[-4:]
        np.testing.assert_allclose(np.sort(graph[graph[:, j] > 0, j]), kept[kept > 0], rtol=1e-5)
