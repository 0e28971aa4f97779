"""Fit on training and validation events, once validation has chosen the options."""

from __future__ import annotations

from typing import Any

from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.models.check_arguments import need_split
from sidelight.models.recommender import Recommender
from sidelight.progress import Progress


def refit(spec: Any, split: Split, progress: Progress | None = None) -> Recommender:
    """Fit a model on training and validation events, with the choices made on validation kept.

    A spec that chooses something on validation while it is fitted (epochs, weights) has a method
    `refit(split, progress)` of its own, which chooses first and then fits on everything. All others
    are fitted on `split.joined()`. The model records that it has seen the validation events
    (`items.refitted`), so that `evaluate` refuses to judge it by them.

    Args:
        spec: Options of a model.
        split: With validation events.
        progress: Called as (done, total, label).

    Raises:
        SpecError: There are no validation events, so that a fit has seen everything already.
    """
    split = need_split(split, spec)
    check_refit(split)
    own = getattr(spec, "refit", None)
    model: Recommender = own(split, progress) if callable(own) else spec.fit(split.joined(), progress)
    return model


def check_refit(split: Split) -> None:
    """Refuse a split without validation events, before anything is fitted.

    Raises:
        SpecError: See `refit`.
    """
    if not len(split.validation):
        fix = "leave the refit out: a fit learns from all events outside the test part already"
        raise SpecError(complain("validation events to learn from", "none in this split", "refit", fix))
