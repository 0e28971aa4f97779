"""Features of one modality, with a mask of the items that have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.errors import DataError, complain


@dataclass(frozen=True, eq=False)
class Features:
    """Values of one modality, one row per item.

    Args:
        name: The modality, e.g. "text:title".
        values: float32, dense (n_items, dim) or CSR (n_items, dim); rows that are absent are zero.
        present: bool, shape (n_items,): False where the item lacks this modality. Zeros are never
            read as values without it.
        names: Meaning of each column (a word, a category), or () for dense vectors.

    Examples:
        >>> import numpy as np, sidelight as sl
        >>> found = sl.Features("size", np.ones((3, 2), dtype=np.float32), np.array([True, False, True]))
        >>> len(found), found.dim
        (3, 2)
    """

    name: str
    values: NDArray[np.float32] | sp.csr_matrix
    present: NDArray[np.bool_]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        (rows, dim), where = self.values.shape, f"features {self.name!r}"
        if self.present.shape != (rows,):
            raise DataError(complain(f"a presence mask of shape ({rows},)", f"{self.present.shape}", where))
        if self.names and len(self.names) != dim:
            raise DataError(complain(f"{dim} column names", f"{len(self.names)}", where))
        data = self.values.data if sp.issparse(self.values) else self.values
        if not np.isfinite(np.asarray(data)).all():
            raise DataError(complain("finite values", "NaN or infinity", where))

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def dim(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    @property
    def sparse(self) -> bool:
        """True where `values` is a CSR matrix."""
        return bool(sp.issparse(self.values))

    def normalised(self) -> NDArray[np.float32] | sp.csr_matrix:
        """Scale rows to unit Euclidean length; absent and all-zero rows stay zero."""
        if sp.issparse(self.values):
            rows = sp.csr_matrix(self.values)
            norm = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
            scale = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0)
            return sp.csr_matrix(sp.diags(scale.astype(np.float32)) @ rows, dtype=np.float32)
        values = np.asarray(self.values)
        values = np.ldexp(values, -exponent(values, axis=1))  # squares of 1e20 or 1e-30 are no float32
        norm = np.linalg.norm(values, axis=1, keepdims=True)
        return np.divide(values, norm, out=np.zeros_like(values), where=norm > 0)


def exponent(values: NDArray[np.float32], axis: int | None = None) -> NDArray[np.int32]:
    """Return the power of two that brings the largest magnitude to [.5, 1), int32; 0 where all is zero.

    Scaling by it is exact, so that what does not depend on length comes out the same.

    Args:
        values: float32 of any shape.
        axis: Over which to look for the largest, kept with length 1; None looks over all.
    """
    peak = np.abs(values).max(axis=axis, keepdims=axis is not None, initial=0)
    return np.asarray(np.frexp(peak)[1], dtype=np.int32)
