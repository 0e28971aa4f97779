"""Leading directions of wide content, by truncated singular value decomposition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Dense = NDArray[np.float32]


def leading_directions(rows: Any, size: int) -> tuple[Dense, Dense]:
    """Find the leading right singular vectors of content; the order of the rows does not matter.

    Args:
        rows: float32 (n_rows, n_columns), dense or CSR.
        size: Vectors at most.

    Returns:
        (singular values float32 (n,), descending; vectors float32 (n_columns, n), orthonormal columns).

    Source: Halko, Martinsson and Tropp (SIAM Review 2011), the implementation of scikit-learn.
    """
    from sklearn.utils.extmath import randomized_svd

    # Not transposed, the random start is one number a column: it does not follow the order of the rows.
    _, values, axes = randomized_svd(rows, min(size, *rows.shape), random_state=0, transpose=False)
    return np.asarray(values, dtype=np.float32), np.ascontiguousarray(axes.T, dtype=np.float32)
