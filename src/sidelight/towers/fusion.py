"""Modules of the shipped item parts: gated fusion of the modalities, and the id residual."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sidelight.towers.item_inputs import ItemInputs
from sidelight.towers.modality import Modality

FADED = 0.05  # of the largest gate: what a gate loses, so that one below it is exactly 0


class Fusion(nn.Module):
    """Gated mean of the modalities that are present.

    content(i) = sum_m w_m present_im P_m x_im / sum_m |w_m| present_im, with the weight w_m of a
    modality its gate, brought towards 0 by FADED of the largest: a smaller one is exactly 0. P_m is an
    embedding bag (sparse) or a linear map (dense).

    Args:
        inputs: Features, at least one.
        keep: bool (n_modalities,), modalities to use; the others get a gate of 0 and count as missing.
        word_dropout, modality_dropout: See `ContentFusion`.
        generator: Source of the initial maps.
    """

    def __init__(
        self,
        inputs: ItemInputs,
        keep: NDArray[np.bool_],
        word_dropout: float,
        modality_dropout: float,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        device = inputs.device
        modalities = [Modality.of(f, device) for f in inputs.features]
        self.dim, self.evidence = inputs.dim, tuple(inputs.evidence)
        self.word_dropout, self.modality_dropout = word_dropout, modality_dropout
        self.modalities = tuple(m if ok else m.missing() for m, ok in zip(modalities, keep, strict=True))
        self.maps = nn.ParameterList(
            nn.Parameter(_initial_map(m, self.dim, generator).to(device)) for m in self.modalities
        )
        self.gates = nn.Parameter(torch.as_tensor(keep, dtype=torch.float32, device=device))

    def forward(self, items: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Fuse the content of some items, float32 (n, dim) of any length; dropout while training."""
        if not self.training:
            return self.fused(items)
        shown = self.visible(items, generator) if self.modality_dropout > 0 else None
        return self.fused(items, shown, 1 - self.word_dropout, generator)

    def weights(self) -> Tensor:
        """float32 (n_modalities,): the effective gates, exactly 0 where one has faded."""
        size = self.gates.abs()
        return self.gates.sign() * F.relu(size - FADED * size.detach().amax())

    def present(self, items: Tensor) -> Tensor:
        """Presence of each modality, bool (n, n_modalities)."""
        return torch.stack([m.present[items] for m in self.modalities], dim=1)

    def project(
        self, at: int, items: Tensor, keep: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Map one modality into the shared space, float32 (n, dim); zero where it is absent.

        Args:
            at: Place of the modality.
            items: int64 (n,), catalogue indices.
            keep: Share of the words that stay; the entries of a dense modality lose half as many.
            generator: Source of the word dropout.
        """
        return mapped(self.modalities[at], self.maps[at], items, keep, generator)

    def fused(
        self,
        items: Tensor,
        shown: Tensor | None = None,
        keep: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Gated mean over the modalities that are present and shown, float32 (n, dim).

        Args:
            items: int64 (n,), catalogue indices.
            shown: bool (n, n_modalities), modalities that may be used; None means all.
            keep: Share of the words that stay.
            generator: Source of the word dropout.
        """
        visible = self.present(items)
        if shown is not None:
            visible = visible & shown
        share = visible * self.weights()
        total = share.abs().sum(dim=1, keepdim=True).clamp_min(1e-6)
        mixed = torch.zeros(len(items), self.dim, device=share.device)
        for at, modality in enumerate(self.modalities):
            # A modality that is screened out draws no noise: the others stay as they are without it.
            if not modality.nowhere:
                mixed = mixed + self.project(at, items, keep, generator) * share[:, at, None]
        out: Tensor = mixed / total
        return out

    def visible(self, items: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw the modalities that modality dropout leaves, bool (n, n_modalities), at least one each."""
        present = self.present(items)
        chance = random(present.shape, generator, items.device)
        # The present modality with the largest draw always stays.
        best = torch.where(present, chance, -1.0).argmax(dim=1)
        stays: Tensor = chance >= self.modality_dropout
        return present & (stays | F.one_hot(best, present.shape[1]).bool())


class IdTable(nn.Module):
    """One vector per item with training interactions, zero at the start.

    Args:
        inputs: Interactions.
        dropout: Probability of hiding a vector while training.
    """

    touched: Tensor

    def __init__(self, inputs: ItemInputs, dropout: float) -> None:
        super().__init__()
        touched = torch.as_tensor(inputs.touched, device=inputs.device)
        self.register_buffer("touched", touched, persistent=False)
        self.dropout = dropout
        self.ids = nn.Parameter(torch.zeros(len(touched), inputs.dim, device=inputs.device))

    def forward(self, items: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Vectors of some items, float32 (n, dim); zero without interactions and where hidden."""
        known = self.touched[items].float()
        if self.training:
            known = known * (random(known.shape, generator, items.device) >= self.dropout)
        return known[:, None] * self.ids[items]


def random(shape: Sequence[int], generator: torch.Generator | None, device: torch.device) -> Tensor:
    """Draw uniform numbers on the CPU, equal on every device."""
    return torch.rand(tuple(shape), generator=generator).to(device)


def mapped(
    modality: Modality,
    weights: Tensor,
    rows: Tensor,
    keep: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Multiply rows of a modality by a map (columns, dim), float32 (n, dim), see `Fusion.project`."""
    if modality.values is not None:
        values = modality.values[rows]
        if keep < 1:
            values = _dropout(values, (1 + keep) / 2, generator)
        out: Tensor = values @ weights
        return out
    index, weight, row = modality.rows(rows)
    if keep < 1:
        weight = _dropout(weight, keep, generator)
    first = torch.searchsorted(row, torch.arange(len(rows), device=rows.device))
    return F.embedding_bag(index, weights, first, mode="sum", per_sample_weights=weight)


def _dropout(values: Tensor, keep: float, generator: torch.Generator | None) -> Tensor:
    chosen = random(values.shape, generator, values.device) < keep
    return values * chosen / keep


def _initial_map(modality: Modality, dim: int, generator: torch.Generator | None) -> Tensor:
    """Initial map (modality.dim, dim) that keeps the angles between items."""
    drawn = torch.randn(modality.dim, dim, generator=generator)
    if modality.sparse:
        return drawn / math.sqrt(dim)
    wide, _ = torch.linalg.qr(drawn if modality.dim >= dim else drawn.T)
    start: Tensor = wide if modality.dim >= dim else wide.T.contiguous()
    return start
