"""`TwoTower`: item and user towers in one space, with auxiliary tasks if wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sidelight import config
from sidelight.content.cache import Cache
from sidelight.content.encoder import Content, Progress
from sidelight.data.split import Split
from sidelight.errors import SpecError, complain
from sidelight.models.arguments import need_split
from sidelight.models.recommender import Recommender
from sidelight.models.space import ContentSpace
from sidelight.models.tower_scorer import TowerScorer
from sidelight.tasks.task import Task
from sidelight.training.options import Options
from sidelight.weighting.fixed import Fixed
from sidelight.weighting.weighting import Weighting

if TYPE_CHECKING:
    from sidelight.training.state import State


@dataclass(frozen=True)
class TwoTower:
    """A neural model in which a new item lives where an old one would.

    item(i) = unit(content(i) + id(i) if anybody touched i); user = a default vector plus the pooled
    item vectors of the history; the primary loss is a softmax over all touched items. Content of
    items that nobody touched, and labels beside the clicks, come in through `tasks`.

    Where validation has too few new items, training items are hidden to stand in for them
    (`Split.selection`); the number of epochs and the path of the weights found that way are then
    used for a second training on everything.

    Args:
        content: Modalities of the items, at least one.
        tasks: Auxiliary tasks, see `sidelight.tasks`.
        weighting: How their weights move, see `sidelight.weighting`.
        dim: Length of the vectors.
        pooling: "mean" or "attention" over the history.
        dropout: Probability of hiding an item's id, a word, a whole modality.
        options: Of the training loop.
        seed: Of everything that is drawn.

    Source: Two towers as in Yi et al. (RecSys 2019), with content for items and pooled histories
    for users; dropping the collaborative part after Volkovs, Yu and Poutanen (NIPS 2017).
    """

    content: tuple[Content, ...]
    tasks: tuple[Task, ...] = ()
    weighting: Weighting = field(default_factory=Fixed)
    dim: int = 192
    pooling: str = "mean"
    dropout: tuple[float, float, float] = (0.3, 0.4, 0.0)
    options: Options = field(default_factory=Options)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dim < 1 or self.pooling not in ("mean", "attention"):
            raise SpecError(complain("dim >= 1 and pooling 'mean' or 'attention'", repr(self), "TwoTower"))
        if len(self.dropout) != 3 or not all(0 <= p < 1 for p in self.dropout):
            raise SpecError(complain("three probabilities in [0, 1)", f"{self.dropout}", "option 'dropout'"))
        names = [task.name for task in self.tasks]
        for name in names:
            if names.count(name) > 1:
                fix = "leave one out, or give it other columns"
                raise SpecError(complain("tasks with different names", f"{name!r} twice", "TwoTower", fix))

    def with_tasks(self, *tasks: Task, weighting: Weighting | None = None) -> TwoTower:
        """The same model with other tasks, and other weighting if one is given."""
        return replace(self, tasks=tasks, weighting=weighting or self.weighting)

    def fit(
        self, split: Split, progress: Progress | None = None, checkpoint: str | Path | None = None
    ) -> Recommender:
        """Train on the training events; validation events say when to stop and what helps.

        Args:
            split: Where to learn from.
            progress: Called as (done, total, label).
            checkpoint: Folder that a run which was cut off goes on from; removed at the end.
        """
        split = need_split(split, self)
        space = ContentSpace.fit(self.content, split.data, (), Cache(), progress)
        choosing = split.selection()
        towers, state = self._train(space, choosing, progress, checkpoint, "")
        trace = state.trace
        if choosing is not split:
            steps = max(1, state.best_epoch or self.options.epochs)
            again = replace(self, options=replace(self.options, epochs=steps))
            if self.tasks:
                again = replace(again, weighting=_Replayed(self.weighting, trace))
            unseen = replace(split, validation=split.validation[:0])
            towers, _ = again._train(space, unseen, progress, checkpoint, " again")
        return Recommender.of(self, scorer(space, towers, trace), split)

    def _train(
        self,
        space: ContentSpace,
        split: Split,
        progress: Progress | None,
        checkpoint: str | Path | None,
        label: str,
    ) -> tuple[Any, State]:
        import shutil

        from sidelight.training.loop import train

        options = replace(self.options, seed=self.options.seed + self.seed)
        place = Path(f"{checkpoint}{label.replace(' ', '-')}") if checkpoint else None
        towers = self.towers(space, split)
        spec = config.spec_hash(replace(self, weighting=Fixed()))
        about = f"{spec}:{split.data.fingerprint}:{len(split.train)}{label}"
        state = train(towers, split, self.tasks, self.weighting, options, progress, place, about)
        if place is not None and place.exists():
            shutil.rmtree(place)
        return towers, state

    def towers(self, space: ContentSpace, split: Split) -> Any:
        """Towers before training, over the content of a catalogue."""
        from sidelight.towers.build import build_towers

        seed = self.options.seed + self.seed
        touched = split.fitting().getnnz(axis=0) > 0
        shape = (self.dim, self.pooling, self.dropout)
        return build_towers(space.features, touched, *shape, self.options.device, seed)


@dataclass(frozen=True)
class _Replayed:
    """The weights of an earlier run, update by update."""

    rule: Weighting
    trace: dict[str, Any]

    @property
    def every(self) -> int:
        """As in the run that is replayed."""
        return int(self.rule.every)

    @property
    def needs(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """At the first update."""
        return {"at": 0}

    def update(self, state: dict[str, Any], signals: Any) -> tuple[dict[str, Any], dict[str, float]]:
        """The next recorded weights; the last ones when the record ends."""
        path = self.trace["weights"]
        at = state["at"]
        return {"at": at + 1}, {name: values[min(at, len(values) - 1)] for name, values in path.items()}


def scorer(space: ContentSpace, towers: Any, trace: dict[str, Any]) -> TowerScorer:
    """What answers without torch: vectors of the catalogue, and the maps that place new items."""
    from sidelight.training.validate import item_vectors

    def plain(tensor: Any) -> np.ndarray:
        return np.ascontiguousarray(tensor.detach().float().cpu().numpy())

    query = getattr(towers.pooling, "query", None)
    return TowerScorer(
        plain(item_vectors(towers)), space, tuple(plain(m) for m in towers.maps), plain(towers.gates),
        np.zeros(0, np.float32) if query is None else plain(query), plain(towers.default), trace,
    )  # fmt: skip
