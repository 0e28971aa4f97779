"""The exact search."""

from __future__ import annotations

import numpy as np
import served

from sidelight.serving.search.exact_search import EXACT


def test_the_exact_search_is_exact():
    model = served.large(500, 8, 40)
    rows = model.people.histories.matrix()[:40]
    (items, values), scores = EXACT.best(model.scorer, rows, 7, rows)
    assert scores is not None
    for row in range(40):
        masked = scores[row].copy()
        masked[rows[row].indices] = -np.inf
        order = np.lexsort((np.arange(500), -masked))[:7]
        assert items[row].tolist() == order.tolist()
        assert np.array_equal(values[row], masked[order])
