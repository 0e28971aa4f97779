"""Contributions of single words and attributes to scores."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import scipy.sparse as sp

WordParts = list[tuple[str, float]]
"""Pairs (word, part of the score), largest first."""


def largest(parts: Sequence[tuple[tuple[str, ...], sp.csr_matrix]], n_rows: int, k: int) -> list[WordParts]:
    """Return the largest positive parts of some scores; a word of several modalities counts once.

    Args:
        parts: For each modality its column names and the parts, CSR (n_rows, n_columns).
        n_rows: Number of scores.
        k: Words for each score at most.

    Examples:
        >>> largest([(("tea", "pot"), sp.csr_matrix([[0.5, -1.0], [0.25, 2.0]]))], 2, 5)
        [[('tea', 0.5)], [('pot', 2.0), ('tea', 0.25)]]
    """
    found: list[dict[str, float]] = [{} for _ in range(n_rows)]
    for names, rows in parts:
        columns, values = rows.indices, rows.data
        for at, (start, end) in enumerate(pairwise(rows.indptr.tolist())):
            pairs = zip(columns[start:end].tolist(), values[start:end].tolist(), strict=True)
            for column, value in pairs:
                if value > 0:
                    found[at][names[column]] = found[at].get(names[column], 0.0) + value
    return [sorted(each.items(), key=lambda pair: (-pair[1], pair[0]))[:k] for each in found]
