"""Item parts: the summands of an item vector, as torch modules for training and in numpy for new items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.option_types import PartShare, checked
from sidelight.towers.item_inputs import ItemInputs
from sidelight.towers.modality_evidence import useful

if TYPE_CHECKING:
    import torch
    from torch import nn

    from sidelight.towers.fusion import Fusion

Dense: TypeAlias = NDArray[np.float32]
Arrays: TypeAlias = Mapping[str, Dense]


class ItemPart(Protocol):
    """Spec of one summand of the item vectors: a frozen dataclass of options.

    item(i) = unit(sum of gate_p * part_p(i)). Training uses the module that `build` returns. Items that
    join a fitted model have no interactions; the numpy twin `place` computes their part.
    """

    def build(self, inputs: ItemInputs, generator: torch.Generator) -> nn.Module:
        """Return a module whose `forward(items, generator)` gives float32 (n, dim).

        `items` is int64 (n,), catalogue indices; `generator` is the source of all dropout, or None.

        Args:
            inputs: Features and interactions.
            generator: Source of the initial weights, on the CPU.
        """
        ...

    def export(self, module: nn.Module) -> dict[str, Dense]:
        """Return the arrays of a trained module that `place` needs."""
        ...

    def place(self, arrays: Arrays, features: Sequence[Features]) -> Dense:
        """Compute the part of items without interactions in numpy, float32 (n, dim) before the gate.

        It equals the module in evaluation mode.

        Args:
            arrays: The result of `export`.
            features: One per modality, over the n items.
        """
        ...


@dataclass(frozen=True)
@checked
class ContentFusion:
    """Gated mean of the modalities that an item has, each mapped into the shared space.

    content(i) = sum_m w_m present_im P_m x_im / sum_m |w_m| present_im, see `Fusion`. Every two-tower
    model has this part: it places items without interactions, and auxiliary tasks train its maps.

    Args:
        word_dropout: Probability of hiding a word in training; entries of a dense modality half as often.
        modality_dropout: Probability of hiding a whole modality; one that is present always stays.
        screen: Give modalities that are not `useful` a gate of 0 and treat them as missing everywhere.
    """

    word_dropout: PartShare = 0.6
    modality_dropout: PartShare = 0.0
    screen: bool = True

    def build(self, inputs: ItemInputs, generator: torch.Generator) -> Fusion:
        """Return a `Fusion` whose maps keep the angles between items."""
        from sidelight.towers.fusion import Fusion

        keep = np.ones(len(inputs.features), dtype=np.bool_)
        if self.screen and inputs.evidence:
            keep = useful(inputs.evidence)
        return Fusion(inputs, keep, self.word_dropout, self.modality_dropout, generator)

    def export(self, module: nn.Module) -> dict[str, Dense]:
        """Return "gates", float32 (n_modalities,), and "map/0", ...: float32 (columns, dim)."""
        fusion: Any = module
        arrays = {"gates": plain(fusion.weights())}
        return arrays | {f"map/{at}": plain(table) for at, table in enumerate(fusion.maps)}

    def place(self, arrays: Arrays, features: Sequence[Features]) -> Dense:
        """See `ItemPart.place`."""
        gates = arrays["gates"]
        maps = [arrays[f"map/{at}"] for at in range(len(gates))]
        present = np.stack([f.present for f in features], axis=1)
        total = np.maximum(present @ np.abs(gates), np.float32(1e-6))
        return np.asarray(gated_sum(features, maps, gates) / total[:, None], dtype=np.float32)


@dataclass(frozen=True)
@checked
class IdResidual:
    """One learned vector per item with training interactions, and zero for all others.

    It holds what interactions know beyond the content. Every two-tower model has this part.

    Args:
        dropout: Probability of hiding it in training, so that the content of the item learns as well.
    """

    dropout: PartShare = 0.5

    def build(self, inputs: ItemInputs, generator: torch.Generator) -> nn.Module:
        """Return an `IdTable` of zeros."""
        from sidelight.towers.fusion import IdTable

        return IdTable(inputs, self.dropout)

    def export(self, module: nn.Module) -> dict[str, Dense]:
        """Return "dim", int64 (1,): items without interactions need nothing else."""
        table: Any = module
        return {"dim": np.array([table.ids.shape[1]])}

    def place(self, arrays: Arrays, features: Sequence[Features]) -> Dense:
        """Return zeros: the items have no interactions."""
        return np.zeros((len(features[0]), int(arrays["dim"][0])), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class FittedPart:
    """A trained item part as arrays.

    Args:
        spec: The options it was built from.
        gate: Its factor in the sum.
        arrays: The result of `export`.
    """

    spec: ItemPart
    gate: float
    arrays: Arrays

    def place(self, features: Sequence[Features]) -> Dense:
        """Compute the gated part of items without interactions, float32 (n, dim)."""
        return np.float32(self.gate) * self.spec.place(self.arrays, features)


def gated_sum(features: Sequence[Features], maps: Sequence[Dense], gates: Dense) -> Dense:
    """Compute sum_m gate_m present_im P_m x_im, float32 (n, dim), of any length.

    Args:
        features: One per modality, over n items.
        maps: float32 (columns of the modality, dim), one per modality.
        gates: float32 (n_modalities,).
    """
    out = np.zeros((len(features[0]), maps[0].shape[1]), dtype=np.float32)
    for f, table, gate in zip(features, maps, gates, strict=True):
        out += gate * f.present[:, None] * np.asarray(f.values @ table, dtype=np.float32)
    return out


def plain(tensor: Any) -> Dense:
    """Return a tensor as a float32 array on the CPU."""
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())
