"""User encoders: a history of item vectors to one vector, as a torch module for training and in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.option_types import checked

if TYPE_CHECKING:
    from torch import Tensor, nn

Dense: TypeAlias = NDArray[np.float32]
Arrays: TypeAlias = Mapping[str, Dense]
STEEP = 20.0  # bound of an attention logit, so that its exponential stays in float32


class UserEncoder(Protocol):
    """Spec of a user encoder: a frozen dataclass of options.

    Training uses the module that `build` returns, serving the numpy twin `encode`; both give the same
    vectors. A vector of an empty history is zero: the towers add a learned default to every user.
    """

    def build(self, dim: int) -> nn.Module:
        """Return a module whose `forward(vectors, history)` gives float32 (b, dim).

        `vectors` is float32 (n, dim), `history` int64 (b, length): rows of `vectors`, oldest first,
        -1 = padding.
        """
        ...

    def export(self, module: nn.Module) -> dict[str, Dense]:
        """Return the arrays of a trained module that `encode` needs."""
        ...

    def encode(self, arrays: Arrays, vectors: Dense, histories: Histories) -> Dense:
        """Encode histories in numpy, float32 (n_rows, dim).

        Args:
            arrays: The result of `export`.
            vectors: float32 (n_items, dim), item vectors of the whole catalogue.
            histories: n_rows histories, oldest first.
        """
        ...


@dataclass(frozen=True)
@checked
class MeanPooling:
    """Sum of the item vectors divided by sqrt(length).

    Longer histories get longer vectors, but less than in proportion: what a user did outweighs the
    default vector as evidence grows. It is blind to the order.

    Examples:
        >>> vectors = np.eye(3, dtype=np.float32)
        >>> MeanPooling().encode({}, vectors, Histories.of_lists([[2, 0], []], n_items=3)).round(2).tolist()
        [[0.7099999785423279, 0.0, 0.7099999785423279], [0.0, 0.0, 0.0]]
    """

    def build(self, dim: int) -> nn.Module:
        """Return a module without parameters."""
        from torch import nn

        class Mean(nn.Module):
            def forward(self, vectors: Tensor, history: Tensor) -> Tensor:
                row, item, length = _entries(history)
                return _pooled(history, row, vectors[item], length)

        return Mean()

    def export(self, module: nn.Module) -> dict[str, Dense]:
        """Return no arrays."""
        return {}

    def encode(self, arrays: Arrays, vectors: Dense, histories: Histories) -> Dense:
        """See `UserEncoder.encode`."""
        return _weighted_sum(histories, _mean_weights(histories), vectors)


@dataclass(frozen=True)
@checked
class AttentionPooling:
    """`MeanPooling` with each item weighted by length * softmax(query . vector) over the history.

    One learned query raises items that tell more about a user than others. At the start all weights
    are 1. It is blind to the order, and with short histories rarely differs from the mean.

    Source: Additive pooling with one learned query, as in Yang et al., "Hierarchical Attention
    Networks" (NAACL 2016), without its inner layer.

    Examples:
        >>> vectors = np.eye(2, dtype=np.float32)
        >>> arrays = {"query": np.array([np.log(3), 0], dtype=np.float32)}
        >>> found = AttentionPooling().encode(arrays, vectors, Histories.of_lists([[0, 1]], n_items=2))
        >>> (found * 2**0.5).round(2).tolist()
        [[1.5, 0.5]]
    """

    def build(self, dim: int) -> nn.Module:
        """Return a module with a query of zeros."""
        import torch
        from torch import nn

        class Attention(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.query = nn.Parameter(torch.zeros(dim))

            def forward(self, vectors: Tensor, history: Tensor) -> Tensor:
                row, item, length = _entries(history)
                score = torch.exp((vectors[item] @ self.query).clamp(-STEEP, STEEP))
                total = torch.zeros(len(history), device=vectors.device).index_add(0, row, score)
                weight = score / total[row] * length[row]
                return _pooled(history, row, vectors[item] * weight[:, None], length)

        return Attention()

    def export(self, module: nn.Module) -> dict[str, Dense]:
        """Return the query, float32 (dim,)."""
        query: Any = module.query
        return {"query": np.ascontiguousarray(query.detach().float().cpu().numpy())}

    def encode(self, arrays: Arrays, vectors: Dense, histories: Histories) -> Dense:
        """See `UserEncoder.encode`."""
        rows, weight = histories.matrix(), _mean_weights(histories)
        score = np.exp(np.clip(vectors[rows.indices] @ arrays["query"], -STEEP, STEEP))
        row = np.repeat(np.arange(len(histories)), histories.lengths)
        total = np.bincount(row, score, minlength=len(histories))
        weight = (weight * score / total[row] * histories.lengths[row]).astype(np.float32)
        return _weighted_sum(histories, weight, vectors)


def _entries(history: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return row and item of each entry that is no padding, and the length of each row as float32."""
    row, place = (history >= 0).nonzero(as_tuple=True)
    return row, history[row, place], (history >= 0).sum(dim=1).float()


def _pooled(history: Tensor, row: Tensor, parts: Tensor, length: Tensor) -> Tensor:
    out = parts.new_zeros(len(history), parts.shape[1]).index_add(0, row, parts)
    return out / length.clamp_min(1).sqrt()[:, None]


def _mean_weights(histories: Histories) -> Dense:
    length = histories.lengths
    return np.repeat(1 / np.sqrt(np.maximum(length, 1)), length).astype(np.float32)


def _weighted_sum(histories: Histories, weight: Dense, vectors: Dense) -> Dense:
    """Sum the vectors of each history by weights that stand in the order of `histories.matrix()`."""
    rows = histories.matrix()
    out: Dense = sp.csr_matrix((weight, rows.indices, rows.indptr), shape=rows.shape) @ vectors
    return out
