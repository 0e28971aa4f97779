"""Losses as plain functions of tensors, with their shapes."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

FAR = -1e9  # a logit that gets no probability


def softmax_loss(
    logits: Tensor, targets: Tensor, hidden: Tensor | None = None, log_q: Tensor | None = None
) -> Tensor:
    """Softmax cross entropy with several targets a row, each row weighted by 1 / sqrt(targets).

    loss = mean over rows of sum_t (logsumexp_j z_j - z_t) / sqrt(n_targets), z = logits - log_q.

    Args:
        logits: float32 (b, n).
        targets: int64 (t, 2), pairs (row, column).
        hidden: bool (b, n), columns that do not compete in a row; None hides nothing.
        log_q: float32 (n,) or (b, n), log of the chance that a column was sampled (0 = certain);
            with it the sampled softmax aims at the full one. None means all columns are there.

    Returns:
        Scalar.

    Source: Bengio and Senecal, "Adaptive Importance Sampling" (IEEE TNN 2008), for log_q.
    """
    if log_q is not None:
        logits = logits - log_q
    if hidden is not None:
        logits = logits.masked_fill(hidden, FAR)
    row, column = targets[:, 0], targets[:, 1]
    total = torch.logsumexp(logits, dim=1)
    count = torch.bincount(row, minlength=len(logits)).clamp_min(1)
    weight = count.float().rsqrt()[row] / len(logits)
    return ((total[row] - logits[row, column]) * weight).sum()


def info_nce(a: Tensor, b: Tensor, temperature: float = 0.1) -> Tensor:
    """Symmetric InfoNCE of two views (n, dim): row i of one belongs to row i of the other.

    Rows are scaled to unit length. 0 with fewer than two rows: nothing to tell apart.

    Source: van den Oord, Li and Vinyals (2018); both directions as in CLIP (Radford et al. 2021).
    """
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    at = torch.arange(len(a), device=a.device)
    return (F.cross_entropy(logits, at) + F.cross_entropy(logits.T, at)) / 2


def soft_neighbours(similarity: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """Mean KL divergence between two softmax neighbourhoods; an item is no neighbour of itself.

    Args:
        similarity: float32 (n, n), of the model.
        wanted: float32 (n, n), of what is to be kept; no gradient reaches it.
        temperature: Divides both.
    """
    itself = torch.eye(len(wanted), dtype=torch.bool, device=wanted.device)
    target = F.softmax((wanted.detach() / temperature).masked_fill(itself, FAR), dim=1)
    found = F.log_softmax((similarity / temperature).masked_fill(itself, FAR), dim=1)
    return F.kl_div(found, target, reduction="batchmean")


def log_uniform(sampled: int, total: int) -> float:
    """log_q of a column that is one of `sampled` uniform draws without replacement of `total`."""
    return math.log(sampled / total)
