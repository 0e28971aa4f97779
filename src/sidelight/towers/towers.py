"""Item and user towers: item vectors from content and interactions, user vectors from item vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidelight.towers.fusion import Fusion, IdTable, mapped, random
from sidelight.towers.item_inputs import ItemInputs
from sidelight.towers.item_parts import ContentFusion, IdResidual, ItemPart
from sidelight.towers.modality import Modality
from sidelight.towers.side_features import NOTHING, SideFeatures
from sidelight.towers.user_encoders import MeanPooling, UserEncoder


@dataclass(frozen=True)
class TowerOptions:
    """Options of the towers.

    Args:
        user_encoder: Encoder of histories.
        content: Fusion of the modalities.
        ids: Residual of items with interactions.
        item_parts: Further item parts, each with a learned gate that starts at 1.
        side_dropout: Probability of hiding all features of a user, or the context, so that users and
            requests without them are served too.
    """

    user_encoder: UserEncoder = field(default_factory=MeanPooling)
    content: ContentFusion = field(default_factory=ContentFusion)
    ids: IdResidual = field(default_factory=IdResidual)
    item_parts: tuple[ItemPart, ...] = ()
    side_dropout: float = 0.2


class Towers(nn.Module):
    """Item and user encoder over any number of modalities.

    item(i) = unit(id(i) + content(i) + sum_p gate_p part_p(i)), see `sidelight.towers.item_parts`;
    user = default + encoder(history) + sum_a present_ua Q_a x_ua + sum_c present_tc R_c x_tc, with the
    features a of the user u and c of the context t. Q and R are zero at the start: what is absent adds
    nothing.

    Args:
        inputs: Features and interactions of the items.
        options: Parts of the towers.
        seed: Random seed of the initial weights; equal on every device.
        user_features: Side features of the users, may be none.
        context_features: Side features of the contexts of the events, may be none.
    """

    touched: Tensor

    def __init__(
        self,
        inputs: ItemInputs,
        options: TowerOptions = TowerOptions(),
        seed: int = 0,
        user_features: SideFeatures = NOTHING,
        context_features: SideFeatures = NOTHING,
    ) -> None:
        super().__init__()
        start = torch.Generator().manual_seed(seed)
        device = inputs.device
        self.dim, self.options = inputs.dim, options
        touched = torch.as_tensor(inputs.touched, device=device)
        self.n_items = len(touched)
        self.register_buffer("touched", touched, persistent=False)
        self.fusion: Fusion = options.content.build(inputs, start)
        self.ids = IdTable(inputs, options.ids.dropout)
        self.parts = nn.ModuleList(part.build(inputs, start).to(device) for part in options.item_parts)
        self.part_gates = nn.Parameter(torch.ones(len(self.parts), device=device))
        self.default = nn.Parameter(torch.zeros(self.dim, device=device))
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0), device=device))
        self.user_encoder = options.user_encoder.build(self.dim).to(device)
        self.user_features, self.context_features = user_features, context_features
        sides = (user_features, context_features)
        self.side_modalities = tuple(tuple(Modality.of(f, device) for f in s.features) for s in sides)
        self.user_maps, self.context_maps = (
            nn.ParameterList(nn.Parameter(torch.zeros(m.dim, self.dim, device=device)) for m in side)
            for side in self.side_modalities
        )

    def shared(self) -> list[nn.Parameter]:
        """Return the parameters that every task reaches: the maps.

        Gates are left out: each gathers the gradient of the whole catalogue, and in the cosine of two
        tasks these few numbers would drown all others.
        """
        return [*self.fusion.maps]

    def content(
        self,
        items: Tensor,
        shown: Tensor | None = None,
        keep: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Unit vectors from content alone, float32 (n, dim); zero without content. See `Fusion.fused`."""
        return F.normalize(self.fusion.fused(items, shown, keep, generator), dim=1)

    def items(self, items: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Unit vectors of items, float32 (n, dim); dropout while training.

        Args:
            items: int64 (n,), catalogue indices.
            generator: Source of the dropout.
        """
        total = self.ids(items, generator)
        total = total + self.fusion(items, generator)
        for gate, part in zip(self.part_gates, self.parts, strict=True):
            total = total + gate * part(items, generator)
        return F.normalize(total, dim=1)

    def views(self, items: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Unit vectors of content without the id, float32 (n, dim); words are hidden while training."""
        keep = 1 - self.fusion.word_dropout if self.training else 1.0
        return self.content(items, None, keep, generator)

    def users(self, vectors: Tensor, history: Tensor, offset: Tensor | None = None) -> Tensor:
        """Encode histories, float32 (b, dim); an empty one gives the default vector.

        Args:
            vectors: float32 (n, dim), item vectors.
            history: int64 (b, length), rows of `vectors`, oldest first, -1 = padding.
            offset: float32 (b, dim), added to the user vectors, e.g. by `side_vectors`; None adds nothing.
        """
        encoded: Tensor = self.default + self.user_encoder(vectors, history)
        return encoded if offset is None else encoded + offset

    def side_vectors(
        self, users: Tensor, contexts: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor | None:
        """Map side features into the space of user vectors, float32 (b, dim); None for towers without any.

        Args:
            users: int64 (b,), rows of the user table, -1 = unknown.
            contexts: int64 (b,), rows of the context features, -1 = unknown; None means all unknown.
            generator: Source of the dropout of user features while training; None drops none.
        """
        if not any(self.side_modalities):
            return None
        if self.training and generator is not None and self.side_modalities[0]:
            hidden = random(users.shape, generator, users.device) < self.options.side_dropout
            users = users.masked_fill(hidden, -1)
        total = torch.zeros(len(users), self.dim, device=users.device)
        maps: Sequence[nn.ParameterList] = (self.user_maps, self.context_maps)
        for modalities, tables, rows in zip(self.side_modalities, maps, (users, contexts), strict=True):
            if rows is None:
                continue
            row = rows.clamp_min(0)
            for modality, table in zip(modalities, tables, strict=True):
                present = (rows >= 0) & modality.present[row]
                total = total + present[:, None] * mapped(modality, table, row)
        return total
