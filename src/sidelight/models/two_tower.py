"""Two-tower model: item and user towers in one space, with auxiliary tasks if wanted."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from sidelight.towers.item_inputs import ItemInputs
from sidelight.towers.item_parts import ContentFusion, FittedPart, IdResidual, ItemPart, plain
from sidelight.towers.modality_evidence import modality_evidence
from sidelight.towers.side_features import SideFeatures, check_context, check_users
from sidelight.towers.user_encoders import MeanPooling, UserEncoder
from sidelight.training.objectives.objective import Objective
from sidelight.training.objectives.softmax import Softmax
from sidelight.training.schedules import Loop, Replay, Schedule
from sidelight.training.steps import GradientSum, Step
from sidelight.training.training_options import TrainingOptions
from sidelight.weighting.fixed import Fixed
from sidelight.weighting.weighting import Weighting

if TYPE_CHECKING:
    from sidelight.towers.towers import Towers
    from sidelight.training.checkpoint import TrainingState


@config.former_options
@dataclass(frozen=True)
@checked
class TwoTower:
    """Two-tower model; cold items are embedded from content into the same space as warm ones.

    item(i) = unit(content(i) + id(i) if i has interactions + further parts); user = a default vector
    plus the encoded history. `objective` is the primary loss, by default a softmax over all touched
    items. Content of untouched items, and labels beside the interactions, enter through `tasks`.

    Side features of users (`users`) and of the context of a request (`context`) add a projection each
    to the user vector where they are present, and nothing where they are not; both are hidden at
    random in training, so that users and requests without them are served too. In training a user is
    placed in the context of one held-out event, and only held-out events with an equal context are
    targets in that step. Validation and `evaluate`, which rank once per user, know the user features,
    and the context of users whose held-out events all share one. `SensitiveRemoval` acts on the
    whole user vector; other tasks see the part that comes from the history.

    Where validation has too few new items, training items are hidden to stand in for them
    (`sidelight.split.selection_split`); the number of epochs and the path of the weights found that way
    are then used for a second training on everything. Where too few users have validation events, views
    of untouched items take their place (`sidelight.training.stopping_signal`), with a warning.

    Args:
        content: Modalities of the items, at least one.
        tasks: Auxiliary tasks, see `sidelight.tasks`.
        weighting: Rule for their loss weights, see `sidelight.weighting`.
        dim: Length of the vectors.
        user_encoder: Encoder of histories, e.g. `MeanPooling` or `AttentionPooling`.
        dropout: Probability of hiding an item's id, a word, a whole modality.
        options: Options of the training loop.
        seed: Random seed.
        users: Modalities of the user table, may be none. Where the schema names a column of
            consent, only values of users who said yes are used, in fitting the encoder as well.
        context: Modalities of the interactions' columns with the role "context", and of "hour" (0
            to 23), "weekday" (1 = Monday to 7) and "month", read off the timestamps (UTC);
            `recommend` takes their values as `context`. Consent is required as in `users`.
        sensitive: Allow columns that the schema calls sensitive in `users` and `context`.
        combine: Step from several losses to one gradient, e.g. `GradientAggregation`; None adds
            gradients up.
        floor: Add popularity to the scores of short histories, see `sidelight.models.score_floor`.
        screen: Leave modalities out whose similarity says nothing about joint choices, as
            `sidelight.towers.modality_evidence` tests it on the training events. They count as missing,
            their gate is 0. Where events are too few to tell, all stay.
        objective: Primary loss, e.g. `Softmax` or `BPR`.
        schedule: Course of the training, e.g. `Loop` or `ForkMerge`.
        item_parts: Item parts besides content and id, see `sidelight.towers.item_parts`.

    Source: Two towers as in Yi et al. (RecSys 2019), with content for items and pooled histories
    for users; dropping the collaborative part after Volkovs, Yu and Poutanen (NIPS 2017).

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> small = sl.TrainingOptions(epochs=1, batch_size=32, min_steps=2)
        >>> model = sl.TwoTower((sl.Text("title"),), dim=8, options=small).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    content: Annotated[tuple[Content, ...], SOME]
    tasks: tuple[Task, ...] = ()
    weighting: Weighting = field(default_factory=Fixed)
    dim: Dim = 192
    user_encoder: UserEncoder = field(default_factory=MeanPooling)
    dropout: tuple[PartShare, PartShare, PartShare] = (0.5, 0.6, 0.0)
    options: TrainingOptions = field(default_factory=TrainingOptions)
    seed: Seed = 0
    users: tuple[Content, ...] = ()
    context: tuple[Content, ...] = ()
    sensitive: bool = False
    combine: Step | None = None
    floor: bool = True
    screen: bool = True
    objective: Objective = field(default_factory=Softmax)
    schedule: Schedule = field(default_factory=Loop)
    item_parts: tuple[ItemPart, ...] = ()

    def __post_init__(self) -> None:
        names = [task.name for task in self.tasks]
        for name in names:
            if names.count(name) > 1:
                fix = "leave one out, or give it other columns"
                raise SpecError(complain("tasks with different names", f"{name!r} twice", "TwoTower", fix))

    def with_tasks(
        self, *tasks: Task, weighting: Weighting | None = None, schedule: Schedule | None = None
    ) -> TwoTower:
        """Return the same model with other tasks, and another weighting or schedule if given."""
        weighting, schedule = weighting or self.weighting, schedule or self.schedule
        return replace(self, tasks=tasks, weighting=weighting, schedule=schedule)

    def fit(
        self, split: Split, progress: Progress | None = None, checkpoint: str | Path | None = None
    ) -> Recommender:
        """Train on the training events; validation decides when to stop and which tasks help.

        Args:
            split: Data to learn from.
            progress: Called as (done, total, label).
            checkpoint: Folder from which an interrupted run resumes; removed at the end.
        """
        return self._fit(split, False, progress, checkpoint)

    def refit(
        self, split: Split, progress: Progress | None = None, checkpoint: str | Path | None = None
    ) -> Recommender:
        """Find epochs and weights with validation as `fit` does, then train on validation events too.

        Args:
            split, progress, checkpoint: As in `fit`.
        """
        return self._fit(split, True, progress, checkpoint)

    def _fit(
        self, split: Split, join: bool, progress: Progress | None, checkpoint: str | Path | None
    ) -> Recommender:
        """Train with validation, and again on the whole split, joined or not, where that is more."""
        split = need_split(split, self)
        need_device(self.options.device, "option 'device' of TrainingOptions")
        whole = split.joined() if join else split
        # Before the content is encoded, which can take hours.
        check_users(self.users, split.data.schema, self.sensitive)
        check_context(self.context, split.data.interactions, split.data.schema, self.sensitive)
        selection = self._selection(split)
        touched = selection.fitting().getnnz(axis=0) > 0
        space = ContentSpace.fit(self.content, split.data, (), Cache(), progress, touched)
        user_features = self._user_features(split, progress)
        towers = self.towers(space, selection, user_features, progress)
        state = self._train(towers, selection, self.schedule, progress, checkpoint, "")
        trace = state.trace
        if selection is not whole:
            epochs = max(1, state.best_epoch or self.options.epochs)
            again = replace(self, options=replace(self.options, epochs=epochs))
            unseen = replace(whole, validation=whole.validation[:0])
            towers = self.towers(space, unseen, user_features, progress)
            again._train(towers, unseen, Replay.of(trace), progress, checkpoint, " again")
        return Recommender.of(self, self.scorer(space, towers, trace), whole)

    def _selection(self, split: Split) -> Split:
        """Return the split that decides about epochs and weights."""
        from sidelight.training.self_retrieval import with_new_items
        from sidelight.training.stopping_signal import personal

        chosen = selection_split(split)
        if personal(chosen, bool(self.users)):
            return chosen
        return with_new_items(split, self.options.seed + self.seed)

    def _train(
        self,
        towers: Towers,
        split: Split,
        schedule: Schedule,
        progress: Progress | None,
        checkpoint: str | Path | None,
        label: str,
    ) -> TrainingState:
        from sidelight.training.loop import Training

        place = Path(f"{checkpoint}{label.replace(' ', '-')}") if checkpoint else None
        training = Training(
            towers,
            split,
            self.tasks,
            self.weighting,
            replace(self.options, seed=self.options.seed + self.seed),
            self.objective,
            self.combine or GradientSum(),
            progress,
            place,
            f"{config.spec_hash(self)}:{split.hash}{label}" if place else "",
        )
        state = schedule.run(training)
        if place is not None and place.exists():
            shutil.rmtree(place)
        return state

    def _user_features(self, split: Split, progress: Progress | None) -> SideFeatures:
        data = split.data
        return SideFeatures.of_users(self.users, data.users, data.schema, self.sensitive, Cache(), progress)

    def towers(
        self,
        space: ContentSpace,
        split: Split,
        user_features: SideFeatures | None = None,
        progress: Progress | None = None,
    ) -> Towers:
        """Return towers before training, over the content of a catalogue.

        Args:
            space: Encoded content of the items.
            split: Its training events say which items are touched, and which contexts there are.
            user_features: Encoded user table; None encodes it.
            progress: Called as (done, total, label).
        """
        from sidelight.towers.towers import TowerOptions, Towers

        data, fitting = split.data, split.fitting()
        if user_features is None:
            user_features = self._user_features(split, progress)
        log = data.interactions, split.fit_rows, data.schema
        contexts = SideFeatures.of_contexts(self.context, *log, self.sensitive, Cache(), progress)
        evidence = modality_evidence(space.features, fitting, self.seed)
        inputs = ItemInputs(space.features, fitting, self.dim, self.options.device, evidence)
        hide_id, hide_word, hide_modality = self.dropout
        content = ContentFusion(hide_word, hide_modality, self.screen)
        options = TowerOptions(self.user_encoder, content, IdResidual(hide_id), self.item_parts)
        return Towers(inputs, options, self.options.seed + self.seed, user_features, contexts)

    def scorer(self, space: ContentSpace, towers: Towers, trace: dict[str, Any]) -> TowerScorer:
        """Export trained towers to arrays that score without torch."""
        from sidelight.training.validation_scores import item_vectors

        fusion = towers.fusion
        pairs = zip(self.item_parts, towers.part_gates.tolist(), towers.parts, strict=True)
        return TowerScorer(
            plain(item_vectors(towers)),
            space,
            tuple(plain(table) for table in fusion.maps),
            plain(fusion.weights()),
            plain(towers.default),
            trace,
            towers.user_features,
            towers.context_features.without_rows(),
            tuple(plain(table) for table in towers.user_maps),
            tuple(plain(table) for table in towers.context_maps),
            self.user_encoder,
            self.user_encoder.export(towers.user_encoder),
            tuple(FittedPart(spec, gate, spec.export(part)) for spec, gate, part in pairs),
        )
