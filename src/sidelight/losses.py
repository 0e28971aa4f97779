"""Losses as plain functions of tensors, with their shapes."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

FAR = -1e9  # a logit that gets no probability
SHARPNESS = tuple(2.0 ** (step / 4) for step in range(-8, 7))


def softmax_loss(
    logits: Tensor, targets: Tensor, hidden: Tensor | None = None, log_q: Tensor | None = None
) -> Tensor:
    """Softmax cross entropy with several targets per row, each row weighted by 1 / sqrt(targets).

    loss_b = sum_t (logsumexp_j z_bj - z_bt) / sqrt(n_targets_b) / n_rows, z = logits - log_q.

    Args:
        logits: float32 (b, n).
        targets: int64 (t, 2), pairs (row, column).
        hidden: bool (b, n), columns that do not compete in a row; None hides nothing.
        log_q: float32 (n,) or (b, n), log of the chance that a column was sampled (0 = certain);
            with it the sampled softmax aims at the full one. None means all columns are there.

    Returns:
        float32 (b,): the share of each row in the mean over rows; their sum is the loss.

    Source: Bengio and Senecal, "Adaptive Importance Sampling" (IEEE TNN 2008), for log_q.
    """
    if log_q is not None:
        logits = logits - log_q
    if hidden is not None:
        logits = logits.masked_fill(hidden, FAR)
    row, column = targets[:, 0], targets[:, 1]
    total = torch.logsumexp(logits, dim=1)
    return _per_row(total[row] - logits[row, column], row, len(logits))


def bpr_loss(logits: Tensor, targets: Tensor, negatives: Tensor, valid: Tensor) -> Tensor:
    """Pairwise logistic loss of targets against negatives, rows weighted as in `softmax_loss`.

    loss_b = sum_t mean_j log(1 + exp(z_bj - z_bt)) / sqrt(n_targets_b) / n_rows.

    Args:
        logits: float32 (b, n).
        targets: int64 (t, 2), pairs (row, column).
        negatives: int64 (t, m), columns that each target is compared with.
        valid: bool (t, m), False where a negative is to be left out.

    Returns:
        float32 (b,): the share of each row in the mean over rows; their sum is the loss.

    Source: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback" (UAI 2009).
    """
    row, column = targets[:, 0], targets[:, 1]
    margin = logits[row[:, None], negatives] - logits[row, column][:, None]
    pairs = F.softplus(margin) * valid
    return _per_row(pairs.sum(dim=1) / valid.sum(dim=1).clamp_min(1), row, len(logits))


def _per_row(values: Tensor, row: Tensor, n_rows: int) -> Tensor:
    """Sum values by row, each weighted by 1 / sqrt(values of its row) / n_rows."""
    count = torch.bincount(row, minlength=n_rows).clamp_min(1)
    weight = count.float().rsqrt()[row] / n_rows
    return values.new_zeros(n_rows).index_add(0, row, values * weight)


def temperature_free_nll(logits: Tensor, at: Tensor, to: Tensor) -> Tensor:
    """Mean of -log softmax at the pairs (row, column), at the factor on the logits where it is least.

    Confidence on validation is not what auxiliary tasks are compared by: without this, all tasks agree
    or disagree with validation by their effect on the temperature alone.

    Args:
        logits: float32 (b, n).
        at, to: int64 (p,), rows and columns of the chosen items.
    """
    with torch.no_grad():
        best = min(SHARPNESS, key=lambda s: float(_nll(logits * s, at, to)))
    return _nll(logits * best, at, to)


def _nll(logits: Tensor, at: Tensor, to: Tensor) -> Tensor:
    return (torch.logsumexp(logits, dim=1)[at] - logits[at, to]).mean()


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
        similarity: float32 (n, n), similarities under the model.
        wanted: float32 (n, n), similarities to reproduce; no gradient reaches them.
        temperature: Divides both.
    """
    itself = torch.eye(len(wanted), dtype=torch.bool, device=wanted.device)
    target = F.softmax((wanted.detach() / temperature).masked_fill(itself, FAR), dim=1)
    predicted = F.log_softmax((similarity / temperature).masked_fill(itself, FAR), dim=1)
    return F.kl_div(predicted, target, reduction="batchmean")


def log_uniform(sampled: int, total: int) -> float:
    """Return log_q of a column that is one of `sampled` uniform draws without replacement of `total`."""
    return math.log(sampled / total)
