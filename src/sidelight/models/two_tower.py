"""`TwoTower`: item and user towers in one space, with auxiliary tasks if wanted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from sidelight import config
from sidelight.content.cache import Cache
from sidelight.content.device import need_device
from sidelight.content.protocols import Content
from sidelight.data.split.selection import selection_split
from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.models.check_arguments import need_split
from sidelight.models.content_space import ContentSpace
from sidelight.models.recommender import Recommender
from sidelight.models.tower_scorer import TowerScorer
from sidelight.option_types import SOME, Dim, PartShare, Seed, checked
from sidelight.progress import Progress
from sidelight.tasks.task import Task
from sidelight.towers.side_features import SideFeatures, check_context, check_users
from sidelight.training.gradient_aggregation import GradientAggregation
from sidelight.training.training_options import TrainingOptions
from sidelight.weighting.fixed import Fixed
from sidelight.weighting.fork_merge import ForkMerge
from sidelight.weighting.weighting import Signals, Weighting

if TYPE_CHECKING:
    from sidelight.training.checkpoint import TrainingState


@dataclass(frozen=True)
@checked
class TwoTower:
    """A neural model in which a new item lives where an old one would.

    item(i) = unit(content(i) + id(i) if anybody touched i); user = a default vector plus the pooled
    item vectors of the history; the primary loss is a softmax over all touched items. Content of
    items that nobody touched, and labels beside the clicks, come in through `tasks`.

    What is known of users (`users`) and of the moment of a request (`context`) adds a projection
    each to the user vector where it is present, and nothing where it is not; both are hidden at
    random in training, so that people and requests without them are served too. In training a
    user stands at the moment of one held-out event, and only held-out events at an equal moment are
    targets in that step. Validation and `evaluate`, which rank once for each user, know the users,
    and the moment of those whose held-out events all have the same. `SensitiveRemoval` acts on the
    whole user vector; other tasks see the part that comes from the history.

    Where validation has too few new items, training items are hidden to stand in for them
    (`sidelight.split.selection_split`); the number of epochs and the path of the weights found that way
    are then used for a second training on everything. Where validation says nothing of persons, views of
    items that nobody touched take its place (`sidelight.training.stopping_signal`), with a warning.

    Args:
        content: Modalities of the items, at least one.
        tasks: Auxiliary tasks, see `sidelight.tasks`.
        weighting: How their weights move, see `sidelight.weighting`.
        dim: Length of the vectors.
        pooling: "mean" or "attention" over the history.
        dropout: Probability of hiding an item's id, a word, a whole modality.
        options: Of the training loop.
        seed: Of everything that is drawn.
        users: Modalities of the user table, may be none. Where the schema names a column of
            consent, only values of users who said yes are looked at, in fitting the encoder as well.
        context: Modalities of the interactions' columns with the role "context", and of "hour" (0
            to 23), "weekday" (1 = Monday to 7) and "month", read off the timestamps (UTC);
            `recommend` takes their values as `context`. Consent is asked for as in `users`.
        sensitive: Columns that the schema calls sensitive may be among `users` and `context`.
        combine: How gradients are joined where several losses pull; None adds them up.
        floor: Add popularity to the scores of short histories, see `models.floor.with_floor`.
        screen: Leave modalities out whose similarity says nothing about what is chosen together, as
            `sidelight.towers.modality_evidence` tests it on the training events. They count as missing, their
            gate is 0. Where events are too few to tell, all stay.

    Source: Two towers as in Yi et al. (RecSys 2019), with content for items and pooled histories
    for users; dropping the collaborative part after Volkovs, Yu and Poutanen (NIPS 2017).
    """

    content: Annotated[tuple[Content, ...], SOME]
    tasks: tuple[Task, ...] = ()
    weighting: Weighting = field(default_factory=Fixed)
    dim: Dim = 192
    pooling: Literal["mean", "attention"] = "mean"
    dropout: tuple[PartShare, PartShare, PartShare] = (0.5, 0.6, 0.0)
    options: TrainingOptions = field(default_factory=TrainingOptions)
    seed: Seed = 0
    users: tuple[Content, ...] = ()
    context: tuple[Content, ...] = ()
    sensitive: bool = False
    combine: GradientAggregation | None = None
    floor: bool = True
    screen: bool = True

    def __post_init__(self) -> None:
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
        need_device(self.options.device, "option 'device' of TrainingOptions")
        return self._fitted(split, split, progress, checkpoint)

    def refit(
        self, split: Split, progress: Progress | None = None, checkpoint: str | Path | None = None
    ) -> Recommender:
        """Find epochs and weights with validation as `fit` does, then train on validation events too.

        Args:
            split, progress, checkpoint: As in `fit`.
        """
        split = need_split(split, self)
        need_device(self.options.device, "option 'device' of TrainingOptions")
        return self._fitted(split, split.joined(), progress, checkpoint)

    def _fitted(
        self, split: Split, whole: Split, progress: Progress | None, checkpoint: str | Path | None
    ) -> Recommender:
        """Trained on `split` with a look at validation, and again on `whole` where that is more."""
        # Before the content is encoded, which can take hours.
        check_users(self.users, split.data.schema, self.sensitive)
        check_context(self.context, split.data.interactions, split.data.schema, self.sensitive)
        choosing = self._choosing(split)
        touched = choosing.fitting().getnnz(axis=0) > 0
        space = ContentSpace.fit(self.content, split.data, (), Cache(), progress, touched)
        towers, state = self._train(space, choosing, progress, checkpoint, "")
        trace = state.trace
        if choosing is not whole:
            steps = max(1, state.best_epoch or self.options.epochs)
            options = replace(self.options, epochs=steps)
            again = replace(self, options=options, weighting=_Replayed(self.weighting, trace))
            unseen = replace(whole, validation=whole.validation[:0])
            towers, _ = again._train(space, unseen, progress, checkpoint, " again")
        return Recommender.of(self, scorer(space, towers, trace), whole)

    def _choosing(self, split: Split) -> Split:
        """The split that says how many epochs, and which weights."""
        from sidelight.training.self_retrieval import with_new_items
        from sidelight.training.stopping_signal import personal

        found = selection_split(split)
        if personal(found, bool(self.users)):
            return found
        return with_new_items(split, self.options.seed + self.seed)

    def _train(
        self,
        space: ContentSpace,
        split: Split,
        progress: Progress | None,
        checkpoint: str | Path | None,
        label: str,
    ) -> tuple[Any, TrainingState]:
        import shutil

        from sidelight.training.branch_training import fork_merge
        from sidelight.training.loop import train

        options = replace(self.options, seed=self.options.seed + self.seed)
        place = Path(f"{checkpoint}{label.replace(' ', '-')}") if checkpoint else None
        towers = self.towers(space, split)
        rule = self.weighting
        spec = replace(self, weighting=rule.rule if isinstance(rule, _Replayed) else rule)
        about = f"{config.spec_hash(spec)}:{split.data.fingerprint}:{len(split.train)}{label}"
        rest = (options, progress, place, about, self.combine)
        if isinstance(rule, ForkMerge):
            state = fork_merge(towers, split, self.tasks, rule, *rest)
        else:
            # The second training, on everything, has nothing left to be judged by.
            state = train(towers, split, self.tasks, rule, *rest, judged=not label)
        if place is not None and place.exists():
            shutil.rmtree(place)
        return towers, state

    def towers(self, space: ContentSpace, split: Split) -> Any:
        """Towers before training, over the content of a catalogue."""
        from sidelight.towers.build_towers import build_towers
        from sidelight.towers.modality_evidence import modality_evidence

        seed = self.options.seed + self.seed
        touched = split.fitting().getnnz(axis=0) > 0
        shape = (self.dim, self.pooling, self.dropout)
        data, rows = split.data, split.fit_rows
        people = SideFeatures.of_users(self.users, data.users, data.schema, self.sensitive)
        about = data.schema, self.sensitive
        moments = SideFeatures.of_moments(self.context, data.interactions, rows, *about)
        found = modality_evidence(space.features, split.fitting(), self.seed)
        device, features = self.options.device, space.features
        return build_towers(features, touched, *shape, device, seed, people, moments, found, self.screen)


@dataclass(frozen=True)
class _Replayed:
    """The weights of an earlier run, step by step."""

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
        """Nothing: the step says where in the record we are."""
        return {}

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """The weights that were in force at this step; the last ones when the record has ended."""
        at = bisect_right(self.trace["step"], signals.step) - 1
        return state, {name: values[at] for name, values in self.trace["weights"].items()}


def scorer(space: ContentSpace, towers: Any, trace: dict[str, Any]) -> TowerScorer:
    """What answers without torch: vectors of the catalogue, and the maps that place new items."""
    from sidelight.training.validation_scores import item_vectors

    def plain(tensor: Any) -> np.ndarray:
        return np.ascontiguousarray(tensor.detach().float().cpu().numpy())

    query = getattr(towers.pooling, "query", None)
    return TowerScorer(
        plain(item_vectors(towers)), space, tuple(plain(m) for m in towers.maps), plain(towers.weights()),
        np.zeros(0, np.float32) if query is None else plain(query), plain(towers.default), trace,
        towers.people, towers.moments.without_rows(),
        tuple(plain(m) for m in towers.user_maps), tuple(plain(m) for m in towers.moment_maps),
    )  # fmt: skip
