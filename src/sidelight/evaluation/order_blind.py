"""`OrderBlind`: models that take a matrix, among models that take ordered histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.data.histories import Histories


@dataclass(frozen=True)
class OrderBlind:
    """Adapter for a model that scores rows of a matrix and knows no order.

    Args:
        model: Its `score` takes binary float32 CSR (n_rows, n_items) and gives float32 of that shape.

    Examples:
        >>> import numpy as np, sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(n_users=40, n_items=60, n_events=600, seed=2).data)
        >>> class Counts:
        ...     def score(self, rows):
        ...         return np.tile(split.fitting().sum(axis=0).A1, (rows.shape[0], 1))
        >>> 0 <= sl.evaluate(sl.OrderBlind(Counts()), split, ks=(5,)).figures()["overall.recall@5"] <= 1
        True
    """

    model: Any

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Scores float32 (n_rows, n_items)."""
        found: NDArray[np.float32] = self.model.score(histories.matrix())
        return found
