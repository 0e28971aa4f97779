"""Bayesian personalised ranking: each held-out item against a few sampled ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidelight.data.split.split import Split
from sidelight.option_types import Count, checked
from sidelight.training.objectives.objective import batch_logits, no_loss

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sidelight.towers.batch import Batch
    from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class BPR:
    """Mean of -log sigmoid(target - negative) over sampled negatives, users weighted as in `Softmax`.

    Negatives are drawn uniformly from the touched items of the batch that the user has not touched. A
    pair costs less than a softmax over the catalogue, and each target sees only `negatives` items per
    step: on small and medium catalogues `Softmax` ranks better.

    Args:
        negatives: Items drawn per target.

    Source: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback" (UAI 2009);
    ours averages over several negatives and weights users by 1 / sqrt(targets).

    Examples:
        >>> import sidelight as sl
        >>> sl.TwoTower((sl.Text("title"),), objective=BPR(negatives=8)).objective
        BPR(negatives=8)
    """

    negatives: Count = 4

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return the loss module; it has no parameters."""
        import torch
        from torch import nn

        from sidelight.losses import bpr_loss

        count = self.negatives

        class BPRLoss(nn.Module):
            def forward(self, batch: Batch, towers: Towers) -> Tensor:
                if not len(batch.targets):
                    return no_loss(batch)
                logits, touched = batch_logits(batch, towers)
                user, item = batch.targets[:, 0], batch.targets[:, 1]
                touched[user, item] = True
                chance = torch.rand((len(user), logits.shape[1]), generator=batch.generator)
                chance = chance.to(logits.device).masked_fill(touched[user], -1.0)
                drawn, negatives = chance.topk(min(count, logits.shape[1]), dim=1)
                return bpr_loss(logits, batch.targets, negatives, drawn >= 0)

        return BPRLoss()
