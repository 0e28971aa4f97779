"""`Batch`: everything that one training step looks at."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Some users with a split history, the items they need, and items drawn for the tasks.

    Args:
        items: int64 (n,), catalogue indices whose vectors this step needs, ascending.
        vectors: float32 (n, dim), their vectors with dropout on; carries gradients.
        users: int64 (b,), inner user indices.
        history: int64 (b, length), rows of `items`: the part of each history that is the input, in
            the order of events; -1 is padding.
        targets: int64 (t, 2), pairs (place in `users`, row of `items`) that were held out.
        drawn: int64 (m,), catalogue indices drawn from the whole catalogue, touched or not.
        generator: Source of all noise of this step, on the CPU.
        added: float32 (b, dim), what attributes of the users and of one moment each add to their
            vectors, with dropout on; None where the towers look at none.
        views: float32 (b, dim), the content of one target item each, its id and a share of its words
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
    added: Tensor | None = None
    views: Tensor | None = None

    def beside(self) -> Tensor | None:
        """What joins the pooled history in the user vectors, float32 (b, dim): `added` and `views`."""
        if self.views is None:
            return self.added
        return self.views if self.added is None else self.added + self.views
