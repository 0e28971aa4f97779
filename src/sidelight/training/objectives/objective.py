"""`Objective`: the protocol of primary losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sidelight.data.split.split import Split

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sidelight.towers.batch import Batch
    from sidelight.towers.towers import Towers


class Objective(Protocol):
    """Spec of a primary loss: a frozen dataclass of options.

    The module's `forward(batch, towers)` gives float32 (b,), one value per user of the batch whose sum
    is the loss; zero for users without targets, and differentiable in any case. The step adds the values
    up. Untouched items are never negatives: no user could have declined them.
    """

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return the loss module for the users and items of a split."""
        ...


def batch_logits(batch: Batch, towers: Towers) -> tuple[Tensor, Tensor]:
    """Compute the scaled scores of the batch's items, float32 (b, n), and a mask of the input items."""
    import torch

    users = towers.users(batch.vectors, batch.history, batch.offset())
    logits = (users * towers.log_scale.exp()) @ batch.vectors.T
    row, place = (batch.history >= 0).nonzero(as_tuple=True)
    inputs = torch.zeros_like(logits, dtype=torch.bool)
    inputs[row, batch.history[row, place]] = True
    return logits, inputs


def no_loss(batch: Batch) -> Tensor:
    """Return zeros with a gradient, float32 (b,), for a batch without any target."""
    return (batch.vectors.sum() * 0.0).expand(len(batch.users))
