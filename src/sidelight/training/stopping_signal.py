"""Signal that stops training and steers loss weights."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from sidelight.data.split.split import Split
from sidelight.towers.towers import Towers
from sidelight.training.gradient_signals import LossMeter, ValidationGradient
from sidelight.training.self_retrieval import SelfRetrieval
from sidelight.training.training_options import TrainingOptions
from sidelight.training.validation_scores import validate, validation_part

PEOPLE = 10  # validation users with something known of them, at least


class NoPersonalSignalWarning(UserWarning):
    """Training data or validation has no personal signal."""


@dataclass(frozen=True, eq=False)
class StoppingSignal:
    """Validation events, else views of items, else nothing.

    Args:
        kind: "validation", "views" or "nothing".
        why: One line for people where it is not validation, or where nothing personal can be learned.
        steering: Losses behind the signal "agreement" of weightings.
        part: The validation part, of "validation".
    """

    kind: str
    why: str
    steering: LossMeter
    part: Split | None = None

    @classmethod
    def of(cls, split: Split, towers: Towers, options: TrainingOptions) -> Self:
        """Choose the best signal available.

        Args:
            split: Training data.
            towers: Before training.
            options: Users looked at, seed.
        """
        alone = _alone(split)
        if personal(split, bool(towers.user_features.features)):
            part = validation_part(split, options.validation_users, options.seed)
            return cls("validation", alone, ValidationGradient.of(split, options.seed), part)
        found = SelfRetrieval.of(split, towers, options.seed)
        why = alone or f"fewer than {PEOPLE} validation users have a history to judge by"
        if found is None:
            return cls("nothing", f"{why}: all epochs are run", blind(split, options).steering)
        return cls("views", f"{why}: how well part of an item's content finds it says when to stop", found)

    def __call__(self, towers: Towers) -> dict[str, float] | None:
        """Compute figures of the towers with "signal" among them, higher is better; or None."""
        if self.part is not None:
            return validate(towers, self.part)
        return self.steering.figures(towers) if isinstance(self.steering, SelfRetrieval) else None

    def warn(self) -> None:
        """Warn with the reason, where there is one."""
        if self.why:
            warnings.warn(self.why, NoPersonalSignalWarning, stacklevel=3)


def blind(split: Split, options: TrainingOptions) -> StoppingSignal:
    """Return a signal without figures: all epochs are run."""
    nobody = replace(split, validation=split.validation[:0])
    return StoppingSignal("nothing", "", ValidationGradient.of(nobody, options.seed))


def personal(split: Split, attributes: bool = False) -> bool:
    """Return True where validation has enough users with a choice and a history.

    Args:
        split: Its validation part is looked at.
        attributes: The model knows attributes of users: a history is not needed.
    """
    if not len(split.validation):
        return False
    # A protocol that masks test pairs must not show which ones they are.
    able = split.blind().truth("validation").getnnz(axis=1) > 0
    if not attributes:
        able &= split.histories().lengths > 0
    return int(np.count_nonzero(able)) >= PEOPLE


def _alone(split: Split) -> str:
    if (split.fitting().getnnz(axis=1) > 1).any():
        return ""
    return "no user has two items to learn from, so nothing is known of what goes together"
