"""Arms of the demo: four models compared on test, and the one to serve chosen on validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidelight.progress import Progress

if TYPE_CHECKING:
    from sidelight.data.split.split import Split
    from sidelight.evaluation.result import Evaluation
    from sidelight.experiment.comparison import Comparison
    from sidelight.models.recommender import Recommender

POPULAR, CLOSED = "Popular", "closed-form blend"
PRIMARY, AUGMENTED = "blend + primary two-tower", "blend + augmented two-tower"
ARMS = (POPULAR, CLOSED, PRIMARY, AUGMENTED)  # in the order of the table
METRIC = "ndcg@20"
FOLDER, LOG = "comparison", "openings.jsonl"


@dataclass(frozen=True)
class Measured:
    """Results of the demo.

    Args:
        comparison: All arms on test; the baseline is the blend with the primary two-tower.
        models: Arm to fitted model.
        validation: Blend to its evaluation on validation.
    """

    comparison: Comparison
    models: Mapping[str, Recommender]
    validation: Mapping[str, Evaluation]

    @cached_property
    def best(self) -> str:
        """Blend to serve: a larger one only where it is clearly better on validation."""
        from sidelight.evaluation.paired_difference import differences

        chosen = CLOSED
        for arm in (PRIMARY, AUGMENTED):
            [gap] = differences(self.validation[arm], self.validation[chosen], names=[f"overall.{METRIC}"])
            chosen = arm if gap.interval.low > 0 else chosen
        return chosen


def measure(split: Split, place: Path, sentences: bool, progress: Progress) -> Measured:
    """Fit each arm once, and open the test part once for each.

    Args:
        split: Split of the groceries.
        place: The demo's folder, for the record of the comparison and the log of openings.
        sentences: Use sentence vectors where the offline model is installed.
        progress: Progress callback.
    """
    from sidelight.evaluation.evaluate import evaluate
    from sidelight.experiment.compare import compare

    models: dict[str, Any] = {}
    log = place / LOG
    log.unlink(missing_ok=True)
    found = compare(
        split, arms(split, sentences), seeds=1, part="test", final=True, metric=METRIC,
        folder=place / FOLDER, log=log, progress=progress, force=True,
        fitted=lambda arm, keep, seed, model: models.__setitem__(arm, model),
    )  # fmt: skip
    cut = int(METRIC.partition("@")[2])
    blends = (CLOSED, PRIMARY, AUGMENTED)
    validation = {arm: evaluate(models[arm], split, ks=(cut,), metrics=("ndcg",)) for arm in blends}
    return Measured(found, models, validation)


def arms(split: Split, sentences: bool) -> dict[str, Any]:
    """Return specs by name, the baseline of the comparison first.

    Both two-tower models have equal options, and both were chosen on the validation part among three:
    the primary by its learning rate, the augmented one by its tasks.
    """
    from sidelight.models.blend import Blend
    from sidelight.models.default_model import automatic, content_of
    from sidelight.models.popular import Popular
    from sidelight.models.two_tower import TwoTower
    from sidelight.tasks.content_neighbours import ContentNeighbours
    from sidelight.tasks.contrastive import Contrastive
    from sidelight.training.training_options import TrainingOptions
    from sidelight.weighting.validation_guided import ValidationGuided

    wanted = None if sentences else False
    lexical, content = content_of(split.data.schema, wanted)
    near = (content[len(lexical) :] or lexical)[0].name
    primary = TwoTower(content, dim=64, options=TrainingOptions(epochs=10, lr=0.01, patience=3))
    tasks = (ContentNeighbours((near,)), Contrastive())
    augmented = primary.with_tasks(*tasks, weighting=ValidationGuided())
    closed = automatic(split, wanted)
    return {
        PRIMARY: Blend((*closed.components, primary)),
        AUGMENTED: Blend((*closed.components, augmented)),
        CLOSED: closed,
        POPULAR: Popular(),
    }
