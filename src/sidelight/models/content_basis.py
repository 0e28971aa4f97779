"""Content of the catalogue as short dense rows: wide sparse modalities on their leading directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.directions import leading_directions
from sidelight.models.content_space import ContentSpace
from sidelight.models.term_contributions import WordParts, largest

Dense: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ContentBasis:
    """Rows of all modalities side by side, sparse ones wider than a limit projected on fewer axes.

    Args:
        space: The content.
        axes: For each modality float32 (columns, size), orthonormal, or an empty array where its columns
            are taken as they are.
    """

    space: ContentSpace
    axes: tuple[Dense, ...]

    @classmethod
    def fit(cls, space: ContentSpace, size: int) -> Self:
        """Find the leading right singular vectors of each wide sparse modality, over the whole catalogue.

        Args:
            space: The content.
            size: Axes of a modality; one with no more columns is taken as it is.
        """
        return cls(space, tuple(_axes(f.values, size) for f in space.features))

    @property
    def dim(self) -> int:
        """Number of columns."""
        return sum(_width(f.dim, a) for f, a in zip(self.space.features, self.axes, strict=True))

    def rows(self, items: NDArray[np.int64] | slice = slice(None)) -> Dense:
        """Return the rows of some items, float32 (n_rows, dim)."""
        parts = [
            _dense(x @ a if len(a) else x) for x, a in zip(self.space.blocks(items), self.axes, strict=True)
        ]
        return np.ascontiguousarray(np.hstack(parts), dtype=np.float32)

    def top_terms(self, profile: Dense, items: NDArray[np.int64], scale: Dense, k: int) -> list[WordParts]:
        """Find the words and attributes that carry scale_j profile.row_j, largest first.

        Args:
            profile: float32 (dim,).
            items: int64 (n_items,).
            scale: float32 (n_items,).
            k: Words for each item at most.
        """
        parts, at = [], 0
        for f, x, axes in zip(self.space.features, self.space.blocks(items), self.axes, strict=True):
            own = profile[at : at + _width(f.dim, axes)]
            at += len(own)
            if f.sparse and f.names:
                own = axes @ own if len(axes) else own
                parts.append((f.names, sp.csr_matrix(x.multiply(own).multiply(scale[:, None]))))
        return largest(parts, len(items), k)


def _axes(values: Any, size: int) -> Dense:
    if not sp.issparse(values) or values.shape[1] <= size:
        return np.zeros((0, 0), dtype=np.float32)
    return leading_directions(values, size)[1]


def _width(columns: int, axes: Dense) -> int:
    return axes.shape[1] if len(axes) else columns


def _dense(block: Any) -> Dense:
    return np.asarray(block.toarray() if sp.issparse(block) else block, dtype=np.float32)
