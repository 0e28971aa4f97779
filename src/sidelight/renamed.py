"""Former names of public classes and options, so that specs and bundles of earlier versions can be read."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

CLASSES = {"Options": "TrainingOptions", "Combine": "GradientAggregation"}
"""Former class name -> present one."""

OPTIONS = {
    "TrainingOptions": {
        "full": "full_softmax_limit", "empty": "empty_history_rate", "inputs": "input_share",
        "drawn": "task_items", "draw": "task_sampling", "steps": "min_steps",
        "users": "validation_users", "minutes": "checkpoint_minutes",
    },
    "TwoTower": {"pooling": "user_encoder"},
}  # fmt: skip
"""Class name -> former option name -> present one."""

VALUES = {
    "TwoTower": {
        "user_encoder": {"mean": {"use": "MeanPooling"}, "attention": {"use": "AttentionPooling"}},
    },
}
"""Class name -> option -> former value -> present one, as in a spec file."""

MOVED = {"TwoTower": {"weighting": {"ForkMerge": "schedule"}}}
"""Class name -> former option -> class of its value -> present option."""

SCORERS = {
    "Constant": "ConstantScorer", "SparseItemItem": "SparseSimilarityScorer",
    "DenseItemItem": "DenseSimilarityScorer", "ContentNeighbours": "ContentKNNScorer",
    "ContentProfile": "RidgeScorer", "ImplicitFactors": "ALSScorer", "Mixture": "BlendScorer",
}  # fmt: skip
"""Former name of a scorer in a bundle -> present one."""


def warn_renamed(name: str, present: str, stacklevel: int) -> None:
    """Issue the `DeprecationWarning` for a former name, for the caller `stacklevel` calls up."""
    message = f"{name} is now {present}; the former name goes with version 0.3"
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel + 1)


def former(name: str, present: str) -> Any:
    """Return what `sidelight.NAME` is now, with a DeprecationWarning for the caller's caller.

    Args:
        name: Former public name, as it was written after `sidelight.`.
        present: Present one; dots lead into packages.
    """
    warn_renamed(f"sidelight.{name}", f"sidelight.{present}", 3)
    found: Any = import_module("sidelight")
    for part in present.split("."):
        found = getattr(found, part)
    return found
