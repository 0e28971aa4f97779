"""Joint similarity of users and content of items, for `HybridKNN`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.models.content_space import ContentSpace
from sidelight.models.scorer import Scores


@dataclass(frozen=True, eq=False)
class HybridSimilarity:
    """Similarity of item vectors that hold the users, then the content times sqrt(weight).

    Args:
        counts: float32 (n_items,), training users of each item.
        weight: Weight of content.
        shrink: See `ItemKNN`.
    """

    counts: NDArray[np.float32]
    weight: float
    shrink: float

    def similarity(self, space: ContentSpace, users: sp.csc_matrix | None = None) -> Callable[..., Scores]:
        """Return the shrunk cosine of joined vectors; without `users` (CSC) the rows are cold items."""

        def close(rows: NDArray[np.int64], against: NDArray[np.int64]) -> Scores:
            both = np.float32(self.weight) * space.gram(rows, against)
            if users is not None:
                both += (users[:, rows].T @ users[:, against]).toarray()
            base = self.base(space, rows, against)
            out: Scores = np.divide(both, base, out=np.zeros_like(both), where=base > 0)
            return out

        return close

    def base(
        self, space: ContentSpace, rows: NDArray[np.int64], against: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Multiply the lengths of the vectors and add the shrinkage, float32 (n_rows, n_against).

        Additive modalities, see `Encoder`, lengthen no vector.
        """
        here, there = (
            np.sqrt(
                self.counts[at] + self.weight * sum(f.present[at].astype(float) for f, _ in space.compared)
            )
            for at in (rows, against)
        )
        return np.asarray(np.outer(here, there) + self.shrink, dtype=np.float32)

    def with_items(self, n: int) -> HybridSimilarity:
        """Append n cold items."""
        return replace(self, counts=np.append(self.counts, np.zeros(n, np.float32)))
