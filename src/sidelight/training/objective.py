"""The primary loss: held-out items of a history among all items that anybody touched."""

from __future__ import annotations

import torch
from torch import Tensor

from sidelight.losses import log_uniform, softmax_loss
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


def primary_loss(batch: Batch, towers: Towers, n_touched: int) -> Tensor:
    """Softmax over touched items with the input masked, each user weighted by 1 / sqrt(targets).

    Untouched items are no negatives: nobody has declined what nobody could see, and pushing them
    down would teach the content maps that new items are bad. Where the batch holds only a sample
    of n of the N touched items, each logit of the sample gets + log(N / n), except those of the
    user's own targets, which are there with certainty (Bengio and Senecal 2008).

    Args:
        batch: Users with split histories.
        towers: Their pooling and scale.
        n_touched: N.

    Returns:
        Scalar, mean over users; 0 where no history could be split.
    """
    if not len(batch.targets):
        return batch.vectors.sum() * 0.0
    users = towers.users(batch.vectors, batch.history, batch.beside())
    logits = (users * towers.log_scale.exp()) @ batch.vectors.T
    row, place = torch.nonzero(batch.history >= 0, as_tuple=True)
    hidden = torch.zeros_like(logits, dtype=torch.bool)
    hidden[row, batch.history[row, place]] = True
    log_q = None
    if n_touched > logits.shape[1]:
        log_q = torch.full_like(logits, log_uniform(logits.shape[1], n_touched))
        log_q[batch.targets[:, 0], batch.targets[:, 1]] = 0.0
    return softmax_loss(logits, batch.targets, hidden, log_q)
