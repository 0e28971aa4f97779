"""Features of one modality as tensors on one device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from sidelight.content.features import Features


@dataclass(frozen=True, eq=False)
class Modality:
    """One modality of the catalogue; dense values or the three arrays of a CSR matrix.

    Args:
        name: As in `Features`.
        present: bool (n_items,).
        dim: Columns.
        names: Meaning of each column, or ().
        values: float32 (n_items, dim) where dense, else None.
        offsets, index, weight: int64 (n_items + 1,), int64 (nnz,), float32 (nnz,) where sparse.
        nowhere: `present` is False for every item, and nothing need be computed.
    """

    name: str
    present: Tensor
    dim: int
    names: tuple[str, ...] = ()
    values: Tensor | None = None
    offsets: Tensor | None = None
    index: Tensor | None = None
    weight: Tensor | None = None
    nowhere: bool = False

    @classmethod
    def of(cls, features: Features, device: str = "cpu") -> Modality:
        """Move features to a device."""
        present = torch.as_tensor(features.present, device=device)
        if not features.sparse:
            values = torch.as_tensor(np.asarray(features.values, dtype=np.float32), device=device)
            return cls(features.name, present, features.dim, features.names, values)
        rows = sp.csr_matrix(features.values)
        return cls(
            features.name, present, features.dim, features.names, None,
            torch.as_tensor(rows.indptr.astype(np.int64), device=device),
            torch.as_tensor(rows.indices.astype(np.int64), device=device),
            torch.as_tensor(rows.data.astype(np.float32), device=device),
        )  # fmt: skip

    def missing(self) -> Modality:
        """Return the modality as absent from every item."""
        return replace(self, present=torch.zeros_like(self.present), nowhere=True)

    @property
    def sparse(self) -> bool:
        """True where the rows are CSR."""
        return self.values is None

    def rows(self, items: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return CSR rows of some items: index (nnz,), weight (nnz,), row of each entry (nnz,)."""
        if self.offsets is None or self.index is None or self.weight is None:
            raise TypeError(f"{self.name} is dense")
        start, stop = self.offsets[items], self.offsets[items + 1]
        length = stop - start
        row = torch.repeat_interleave(torch.arange(len(items), device=items.device), length)
        first = torch.cumsum(length, 0) - length
        at = torch.arange(len(row), device=items.device) - first[row] + start[row]
        return self.index[at], self.weight[at], row

    def dense(self, items: Tensor) -> Tensor:
        """Return rows of some items, float32 (n, dim), zero where absent."""
        if self.values is not None:
            return self.values[items]
        index, weight, row = self.rows(items)
        out = torch.zeros(len(items), self.dim, device=items.device)
        return out.index_put((row, index), weight, accumulate=True)
