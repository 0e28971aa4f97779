"""`Batch`: the data of one training step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Users with a split history, the item vectors they need, and items drawn for the tasks.

    Args:
        items: int64 (n,), catalogue indices whose vectors this step needs, ascending.
        vectors: float32 (n, dim), their vectors with dropout on; carries gradients.
        users: int64 (b,), inner user indices.
        history: int64 (b, length), rows of `items`: the part of each history that is the input, in
            the order of events; -1 is padding.
        targets: int64 (t, 2), pairs (place in `users`, row of `items`) that were held out.
        drawn: int64 (m,), catalogue indices drawn from the whole catalogue, touched or not.
        generator: Source of all noise of this step, on the CPU.
        side_vectors: float32 (b, dim), the part of the user vectors that comes from side features, with
            dropout on; None for towers without side features.
        views: float32 (b, dim), the content of one target item, with its id and a share of its words
            hidden, as the only input of users whose row of `history` is empty; zero for the others.
            None where no user of the step has one. It is no row of `items`: nothing is masked for it.
    """

    items: Tensor
    vectors: Tensor
    users: Tensor
    history: Tensor
    targets: Tensor
    drawn: Tensor
    generator: torch.Generator
    side_vectors: Tensor | None = None
    views: Tensor | None = None

    def offset(self) -> Tensor | None:
        """Return `side_vectors` plus `views`, float32 (b, dim): the user vectors without the history."""
        if self.views is None:
            return self.side_vectors
        return self.views if self.side_vectors is None else self.side_vectors + self.views
