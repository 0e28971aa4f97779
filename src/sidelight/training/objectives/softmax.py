"""Softmax over all touched items, or over a sample of them: the default primary loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidelight.data.split.split import Split
from sidelight.option_types import checked
from sidelight.training.objectives.objective import batch_logits, no_loss

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sidelight.towers.batch import Batch
    from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class Softmax:
    """Cross entropy of held-out items among the touched ones, each user weighted by 1 / sqrt(targets).

    The input items are masked. Untouched items are no negatives: pushing them down would teach the
    content maps that new items are bad. Where the batch holds only a sample of n of the N touched items
    (`TrainingOptions.full_softmax_limit`), each logit of the sample gets + log(N / n), except those of
    the user's own targets, which are in the batch with certainty.

    Source: Bengio and Senecal, "Adaptive Importance Sampling" (IEEE TNN 2008), for the correction.

    Examples:
        >>> import sidelight as sl
        >>> sl.TwoTower((sl.Text("title"),), objective=Softmax()).objective
        Softmax()
    """

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return the loss module; it has no parameters."""
        import torch
        from torch import nn

        from sidelight.losses import log_uniform, softmax_loss

        n_touched = int(towers.touched.sum())

        class SoftmaxLoss(nn.Module):
            def forward(self, batch: Batch, towers: Towers) -> Tensor:
                if not len(batch.targets):
                    return no_loss(batch)
                logits, inputs = batch_logits(batch, towers)
                log_q = None
                if n_touched > logits.shape[1]:
                    log_q = torch.full_like(logits, log_uniform(logits.shape[1], n_touched))
                    log_q[batch.targets[:, 0], batch.targets[:, 1]] = 0.0
                return softmax_loss(logits, batch.targets, inputs, log_q)

        return SoftmaxLoss()
