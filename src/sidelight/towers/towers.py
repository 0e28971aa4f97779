"""`Towers`: item vectors from content and clicks, user vectors from item vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.towers.modality import Modality
from sidelight.towers.modality_evidence import ModalityEvidence
from sidelight.towers.side_features import NOTHING, SideFeatures
from sidelight.towers.user_encoders import AttentionPooling, MeanPooling, Pooling


@dataclass(frozen=True)
class Dropout:
    """What is hidden at random in training, as probabilities.

    Args:
        id: The id residual of an item, so that its content learns to stand alone.
        word: Words of a sparse modality, entries of a dense one half as often.
        modality: A whole modality of an item; at least one is always left.
        attributes: All attributes of a user, or the moment, so that those without are served too.
    """

    id: float = 0.5
    word: float = 0.6
    modality: float = 0.0
    attributes: float = 0.2


FADED = 0.05  # of the largest gate: what a gate loses, so that one below it is exactly 0


class Towers(nn.Module):
    """Item and user encoder over any number of modalities.

    content(i) = sum_m w_m present_im P_m x_im / sum_m |w_m| present_im, with the weight w_m of a
    modality its gate, brought towards 0 by FADED of the largest: a smaller one is exactly 0; and
    item(i) = unit(content(i) + touched_i id_i); user = default + pooled vectors of the history
    + sum_a present_ua Q_a x_ua + sum_c present_tc R_c x_tc, attributes a of the user u and c of the
    moment t, with Q and R zero at the start: what is absent adds nothing.

    Args:
        modalities: At least one; P_m is an embedding bag (sparse) or a linear map (dense).
        touched: bool (n_items,): items with training events. Only these have an id residual.
        dim: Length of all vectors.
        pooling: "mean" or "attention".
        dropout: What is hidden in training.
        generator: For the initial weights.
        people: Attributes of the users, may be none.
        moments: Attributes of the moments of the events, may be none.
    """

    touched: Tensor

    def __init__(
        self,
        modalities: Sequence[Modality],
        touched: Tensor,
        dim: int,
        pooling: str = "mean",
        dropout: Dropout = Dropout(),
        generator: torch.Generator | None = None,
        people: SideFeatures = NOTHING,
        moments: SideFeatures = NOTHING,
    ) -> None:
        super().__init__()
        self.dim, self.n_items = dim, len(touched)
        self.modalities, self.dropout = tuple(modalities), dropout
        self.register_buffer("touched", touched, persistent=False)
        self.maps = nn.ParameterList(
            nn.Parameter(_start(m, dim, generator).to(touched.device)) for m in self.modalities
        )
        self.evidence: tuple[ModalityEvidence, ...] = ()
        self.gates = nn.Parameter(torch.ones(len(self.modalities), device=touched.device))
        self.ids = nn.Parameter(torch.zeros(self.n_items, dim, device=touched.device))
        self.default = nn.Parameter(torch.zeros(dim, device=touched.device))
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0), device=touched.device))
        self.pooling: Pooling = AttentionPooling(dim) if pooling == "attention" else MeanPooling()
        self.pooling.to(touched.device)
        self.people, self.moments = people, moments
        device = str(touched.device)
        self.known = tuple(tuple(Modality.of(f, device) for f in a.features) for a in (people, moments))
        self.user_maps, self.moment_maps = (
            nn.ParameterList(nn.Parameter(torch.zeros(m.dim, dim, device=touched.device)) for m in side)
            for side in self.known
        )

    def shared(self) -> list[nn.Parameter]:
        """Parameters that every task reaches: the maps. Gates are too few to tell tasks apart by.

        Each gate gathers the gradient of the whole catalogue; in the cosine of two tasks these few
        numbers would drown all others.
        """
        return [*self.maps]

    def weights(self) -> Tensor:
        """float32 (n_modalities,): the gates as they count, exactly 0 where one has faded."""
        size = self.gates.abs()
        return self.gates.sign() * F.relu(size - FADED * size.detach().amax())

    def present(self, items: Tensor) -> Tensor:
        """bool (n, n_modalities): which modality is there."""
        return torch.stack([m.present[items] for m in self.modalities], dim=1)

    def project(
        self, at: int, items: Tensor, keep: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """One modality in the shared space, float32 (n, dim); zero where it is absent.

        Args:
            at: Place of the modality.
            items: int64 (n,), catalogue indices.
            keep: Share of the words that stay; the entries of a dense modality lose half as many.
            generator: Of the words to drop.
        """
        return _mapped(self.modalities[at], self.maps[at], items, keep, generator)

    def fused(
        self,
        items: Tensor,
        shown: Tensor | None = None,
        keep: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Gated mean over the modalities that are present and shown, (n, dim), any length."""
        there = self.present(items)
        if shown is not None:
            there = there & shown
        share = there * self.weights()
        total = share.abs().sum(dim=1, keepdim=True).clamp_min(1e-6)
        mixed = torch.zeros(len(items), self.dim, device=share.device)
        for at, modality in enumerate(self.modalities):
            # One that was left out draws no noise either: the others are as without it.
            if not modality.nowhere:
                mixed = mixed + self.project(at, items, keep, generator) * share[:, at, None]
        out: Tensor = mixed / total
        return out

    def content(
        self,
        items: Tensor,
        shown: Tensor | None = None,
        keep: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Unit vectors from content alone, (n, dim); a zero row where nothing is there.

        Args:
            items: int64 (n,), catalogue indices.
            shown: bool (n, n_modalities), modalities that may be looked at; None means all.
            keep: Share of the words that stay.
            generator: Of the words to drop.
        """
        return F.normalize(self.fused(items, shown, keep, generator), dim=1)

    def items(self, items: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Unit vectors (n, dim) with the id residual of touched items; dropout while training."""
        known = self.touched[items].float()
        shown, keep = None, 1.0
        if self.training:
            known = known * (_random(known.shape, generator, items.device) >= self.dropout.id)
            keep = 1 - self.dropout.word
            if self.dropout.modality > 0:
                shown = self._shown(items, generator)
        fused = self.fused(items, shown, keep, generator)
        return F.normalize(fused + known[:, None] * self.ids[items], dim=1)

    def views(self, items: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Unit vectors (n, dim) of content without any id; while training with words hidden as in `items`."""
        keep = 1 - self.dropout.word if self.training else 1.0
        return self.content(items, None, keep, generator)

    def users(self, vectors: Tensor, history: Tensor, added: Tensor | None = None) -> Tensor:
        """User vectors (b, dim) from item vectors (n, dim) and rows (b, length), -1 = padding.

        An empty history gives the default vector: what somebody unknown would choose. `added` is
        what `attributes` gave, None where nothing is known.
        """
        found: Tensor = self.default + self.pooling(vectors, history)
        return found if added is None else found + added

    def attributes(
        self, users: Tensor, moments: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor | None:
        """What attributes add to user vectors, float32 (b, dim); None for towers that look at none.

        Args:
            users: int64 (b,), rows of the user table, -1 = nobody known.
            moments: int64 (b,), rows of the moments, -1 = unknown; None means all unknown.
            generator: While training, all attributes of a user are hidden at random; without it
                none are.
        """
        if not any(self.known):
            return None
        if self.training and generator is not None and self.known[0]:
            hidden = _random(users.shape, generator, users.device) < self.dropout.attributes
            users = users.masked_fill(hidden, -1)
        total = torch.zeros(len(users), self.dim, device=users.device)
        sides = ((self.known[0], self.user_maps, users), (self.known[1], self.moment_maps, moments))
        for modalities, maps, rows in sides:
            if rows is None:
                continue
            row = rows.clamp_min(0)
            for modality, weights in zip(modalities, maps, strict=True):
                there = (rows >= 0) & modality.present[row]
                total = total + there[:, None] * _mapped(modality, weights, row)
        return total

    def _shown(self, items: Tensor, generator: torch.Generator | None) -> Tensor:
        there = self.present(items)
        chance = _random(there.shape, generator, items.device)
        shown = there & (chance >= self.dropout.modality)
        # One that is there always stays: the one with the largest draw.
        best = torch.where(there, chance, -1.0).argmax(dim=1)
        kept: Tensor = shown | (F.one_hot(best, there.shape[1]).bool() & there)
        return kept


def _random(shape: Sequence[int], generator: torch.Generator | None, device: torch.device) -> Tensor:
    return torch.rand(tuple(shape), generator=generator).to(device)


def _mapped(
    modality: Modality,
    weights: Tensor,
    rows: Tensor,
    keep: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    if modality.values is not None:
        values = modality.values[rows]
        if keep < 1:
            values = _thinned(values, (1 + keep) / 2, generator)
        mapped: Tensor = values @ weights
        return mapped
    index, weight, row = modality.rows(rows)
    if keep < 1:
        weight = _thinned(weight, keep, generator)
    first = torch.searchsorted(row, torch.arange(len(rows), device=rows.device))
    return F.embedding_bag(index, weights, first, mode="sum", per_sample_weights=weight)


def _thinned(values: Tensor, keep: float, generator: torch.Generator | None) -> Tensor:
    chosen = _random(values.shape, generator, values.device) < keep
    return values * chosen / keep


def _start(modality: Modality, dim: int, generator: torch.Generator | None) -> Tensor:
    """Starting map (modality.dim, dim): one that keeps angles between items as they are."""
    draw = torch.randn(modality.dim, dim, generator=generator)
    if modality.sparse:
        return draw / math.sqrt(dim)
    wide, _ = torch.linalg.qr(draw if modality.dim >= dim else draw.T)
    start: Tensor = wide if modality.dim >= dim else wide.T.contiguous()
    return start
