"""Online clustering with balanced prototypes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.option_types import Classes, Count, Label, NonNegative, Positive, SomeShare, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class Clustering:
    """Swapped prediction: two views of an item, words dropped from each, predict each other's cluster.

    Assignments are balanced by Sinkhorn-Knopp: every prototype gets an equal share of the drawn
    items, so that they cannot all fall into one.

    Args:
        weight: Loss weight to start from.
        prototypes: Number of clusters, >= 2.
        temperature: Temperature of the predictions.
        epsilon: Entropy of the assignments; smaller is harder, > 0.
        rounds: Rounds of Sinkhorn-Knopp.
        keep: Share of the words that a view sees.

    Source: SwAV, Caron et al. (NeurIPS 2020), without its queue.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.Clustering())
        >>> [task.name for task in spec.tasks]
        ['clustering']
    """

    weight: NonNegative = 0.05
    prototypes: Classes = 64
    temperature: Positive = 0.1
    epsilon: Positive = 0.05
    rounds: Count = 3
    keep: SomeShare = 0.6
    name: Label = "clustering"
    uses_clicks: ClassVar[bool] = False

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Draw prototypes."""
        return _Clustering(self, towers.dim)


class _Clustering(nn.Module):
    def __init__(self, spec: Clustering, dim: int) -> None:
        super().__init__()
        self.spec = spec
        self.prototypes = nn.Parameter(torch.randn(spec.prototypes, dim) / dim**0.5)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Cross entropy of each view's prediction with the other view's assignment."""
        drawn = batch.drawn[towers.fusion.present(batch.drawn).any(dim=1)]
        if len(drawn) < 2:
            return self.prototypes.sum() * 0.0
        directions = F.normalize(self.prototypes, dim=1)
        views = [towers.content(drawn, None, self.spec.keep, batch.generator) @ directions.T for _ in "ab"]
        loss = self.prototypes.sum() * 0.0
        for own, other in (views, views[::-1]):
            wanted = balanced(other.detach() / self.spec.epsilon, self.spec.rounds)
            found = F.log_softmax(own / self.spec.temperature, dim=1)
            loss = loss - (wanted * found).sum(dim=1).mean() / 2
        return loss


def balanced(logits: Tensor, rounds: int) -> Tensor:
    """Assignments (n, k) whose rows sum to 1 and whose columns sum to about n / k.

    Args:
        logits: float32 (n, k).
        rounds: Alternations of column and row scaling.
    """
    log_q = logits - logits.max()
    for _ in range(rounds):
        log_q = log_q - torch.logsumexp(log_q, dim=0, keepdim=True)
        log_q = log_q - torch.logsumexp(log_q, dim=1, keepdim=True)
    return log_q.exp()


def example() -> Clustering:
    """Return an example for the shared contract tests."""
    return Clustering(prototypes=4)
