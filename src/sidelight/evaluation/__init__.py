"""Full rankings judged by slice, user by user, with intervals. No model, no torch."""

from sidelight.evaluation.evaluate import Scores, evaluate
from sidelight.evaluation.paired_difference import Difference, differences
from sidelight.evaluation.rank_overlap import overlap, rank_biased_overlap
from sidelight.evaluation.ranking import merge, top_k
from sidelight.evaluation.result import Evaluation
from sidelight.evaluation.statistics import (
    Interval,
    bootstrap_interval,
    holm,
    paired_bootstrap,
    sign_flip_test,
)

__all__ = [
    "Difference", "Evaluation", "Interval", "Scores", "bootstrap_interval", "differences", "evaluate", "holm",
    "merge", "overlap", "paired_bootstrap", "rank_biased_overlap", "sign_flip_test", "top_k",
]  # fmt: skip
