"""`Task`: the protocol of auxiliary tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from sidelight.data.split.split import Split

if TYPE_CHECKING:
    from torch import nn

    from sidelight.towers.towers import Towers


class Task(Protocol):
    """Spec of an auxiliary task: a frozen dataclass of options that builds one loss module.

    The module answers `forward(batch, towers) -> scalar`, finite, and differentiable where there
    is something to learn from; without it, zero times a parameter. It looks at `batch.drawn`,
    items drawn from the whole catalogue without regard to clicks.
    """

    uses_clicks: ClassVar[bool]
    """Whether histories have a say. False: more clicks on an item change nothing, and untouched items
    alone give every content map a gradient, unless an option leaves their labels out."""

    @property
    def weight(self) -> float:
        """Loss weight to start from."""
        ...

    @property
    def name(self) -> str:
        """Name, unique in a model, e.g. "labels:tags"."""
        ...

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return the loss module for the item and user tables of a split."""
        ...
