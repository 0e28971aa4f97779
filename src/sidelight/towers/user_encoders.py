"""From the vectors of a history to one user vector: mean and attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MeanPooling(nn.Module):
    """sum of the vectors / sqrt(length): longer histories speak louder, less than in proportion."""

    def forward(self, vectors: Tensor, history: Tensor) -> Tensor:
        """User vectors (b, dim); zero for an empty history.

        Args:
            vectors: float32 (n, dim).
            history: int64 (b, length), rows of `vectors`, -1 = padding.
        """
        row, at, length = _entries(history)
        out = torch.zeros(len(history), vectors.shape[1], device=vectors.device)
        out = out.index_add(0, row, vectors[at])
        return out / length.clamp_min(1).sqrt()[:, None]


class AttentionPooling(nn.Module):
    """As the mean, with each item weighted by length * softmax(query . vector) over the history.

    Source: Additive pooling with one learned query, as in Yang et al., "Hierarchical Attention
    Networks" (NAACL 2016), without its inner layer. At the start all weights are 1.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(dim))

    def forward(self, vectors: Tensor, history: Tensor) -> Tensor:
        """User vectors (b, dim); zero for an empty history. Shapes as in `MeanPooling`."""
        row, at, length = _entries(history)
        score = torch.exp((vectors[at] @ self.query).clamp(-20, 20))
        total = torch.zeros(len(history), device=vectors.device).index_add(0, row, score)
        weight = score / total[row] * length[row]
        out = torch.zeros(len(history), vectors.shape[1], device=vectors.device)
        out = out.index_add(0, row, vectors[at] * weight[:, None])
        return out / length.clamp_min(1).sqrt()[:, None]


Pooling = MeanPooling | AttentionPooling


def _entries(history: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Row and item of each entry that is no padding, and the length of each row as float32."""
    row, place = torch.nonzero(history >= 0, as_tuple=True)
    return row, history[row, place], (history >= 0).sum(dim=1).float()
