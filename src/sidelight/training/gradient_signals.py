"""Signals for weightings: gradients of tasks and of the validation loss, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from sidelight.data.histories import Histories
from sidelight.data.split.split import Split
from sidelight.losses import temperature_free_nll
from sidelight.seeding import generator
from sidelight.towers.towers import Towers
from sidelight.weighting.weighting import Signals

USERS = 500
Ints = NDArray[np.int64]


class LossMeter(Protocol):
    """Source of the losses that the gradients of tasks are compared with."""

    def losses(self, step: int, towers: Towers) -> list[Tensor]:
        """Compute the losses to be lowered, one per side."""
        ...


@dataclass(frozen=True, eq=False)
class ValidationGradient:
    """Validation users with their choices among warm and among cold items.

    Args:
        histories: Histories, row by row as `users`.
        sides: For warm and for cold items: their indices and the choices, CSR (n_users, n_side).
        seed: Random seed of the users per step.
        users: int64 (n_users,), inner indices.
        place, event: int64 (n_events,), each choice: place of its user in `users`, and its row in
            the interactions.
    """

    histories: Histories
    sides: tuple[tuple[np.ndarray, sp.csr_matrix], ...]
    seed: int
    users: Ints
    place: Ints
    event: Ints

    @classmethod
    def of(cls, split: Split, seed: int) -> ValidationGradient:
        """Collect the users with validation events and a history."""
        # As in `validation_part`: a mask of "others" would be a look at the sealed part.
        truth, histories = split.blind().truth("validation"), split.histories()
        users = np.flatnonzero((truth.getnnz(axis=1) > 0) & (histories.lengths > 0))
        sides = []
        for mask in (split.candidates & split.warm, split.candidates & split.cold):
            items = np.flatnonzero(mask)
            sides.append((items, truth[users][:, items]))
        log = split.data.interactions
        chosen = log.among(split.validation, truth.multiply(split.candidates[None, :]))
        chosen = chosen[np.isin(log.user[chosen], users)]
        place = np.searchsorted(users, log.user[chosen])
        return cls(histories[users], tuple(sides), seed, users, place, chosen)

    def losses(self, step: int, towers: Towers) -> list[Tensor]:
        """Compute softmax losses on a sample of users, one per side with any choice, at the best sharpness.

        The towers know the users, and the contexts where one is well defined, as `validate` does.
        """
        contexts = self._contexts(towers)
        vectors = towers.items(torch.arange(towers.n_items, device=towers.touched.device))
        rng = generator(self.seed, "validation signal", str(step))
        out = []
        for items, truth in self.sides:
            able = np.flatnonzero(truth.getnnz(axis=1))
            if not len(able):
                continue
            users = np.sort(rng.choice(able, min(USERS, len(able)), replace=False))
            at = None if contexts is None else _on(towers, contexts[users])
            added = towers.side_vectors(_on(towers, self.users[users]), at)
            out.append(_loss(towers, vectors, self.histories[users], items, truth[users], added))
        return out

    def _contexts(self, towers: Towers) -> Ints | None:
        """Return the context that all choices of a user share, int64 (n_users,), else -1; or None."""
        if not len(towers.context_features.row_of):
            return None
        found = towers.context_features.row_of[self.event]
        first = np.full(len(self.users), np.iinfo(np.int64).max)
        last = np.full(len(self.users), -1, dtype=np.int64)
        np.minimum.at(first, self.place, found)
        np.maximum.at(last, self.place, found)
        return np.where(first == last, first, -1)


def _on(towers: Towers, values: Ints) -> Tensor:
    return torch.as_tensor(values, device=towers.touched.device)


def _loss(
    towers: Towers,
    vectors: Tensor,
    histories: Histories,
    items: np.ndarray,
    truth: sp.csr_matrix,
    added: Tensor | None,
) -> Tensor:
    users = towers.users(vectors, _on(towers, histories.padded()), added)
    choice = vectors[_on(towers, items)]
    found = truth.tocoo()
    at, to = _on(towers, found.row.astype(np.int64)), _on(towers, found.col.astype(np.int64))
    logits = (users * towers.log_scale.exp().detach()) @ choice.T
    return temperature_free_nll(logits, at, to)


def signals(
    step: int,
    losses: Mapping[str, Tensor],
    towers: Towers,
    needs: frozenset[str],
    validation: LossMeter,
) -> Signals:
    """Compute the signals that a weighting needs; gradients stay as they were.

    Args:
        step: Step of the run.
        losses: Losses by name, "primary" and each task, with their graph.
        towers: Their shared parameters are what gradients are taken on.
        needs: "norms", "agreement", both or none.
        validation: Source of the losses behind "agreement".
    """
    values = {name: float(loss.detach().sum()) for name, loss in losses.items()}
    if not needs:
        return Signals(step, values, {}, {})
    asked = [name for name in losses if name != "primary" or "norms" in needs]
    own = {name: _flat(losses[name].sum(), towers) for name in asked}
    norms = {name: float(gradient.norm()) for name, gradient in own.items()} if "norms" in needs else {}
    agreement: dict[str, tuple[float, ...]] = {}
    if "agreement" in needs:
        training = towers.training
        towers.eval()
        wanted = [_flat(loss, towers) for loss in validation.losses(step, towers)]
        towers.train(training)
        agreement = {
            name: tuple(float(torch.nn.functional.cosine_similarity(g, w, dim=0)) for w in wanted)
            for name, g in own.items()
            if name != "primary"
        }
    return Signals(step, values, norms, agreement)


def _flat(loss: Tensor, towers: Towers) -> Tensor:
    """Gradient of a loss on the shared parameters as one vector; zeros where it does not reach."""
    shared = towers.shared()
    if not loss.requires_grad:
        return torch.cat([torch.zeros_like(p).ravel() for p in shared])
    found = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True)
    return torch.cat(
        [(torch.zeros_like(p) if g is None else g).ravel() for p, g in zip(shared, found, strict=True)]
    )
