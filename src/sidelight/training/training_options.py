"""Options of the training loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sidelight.config import former_options
from sidelight.errors import SpecError, complain
from sidelight.option_types import (
    Count,
    Label,
    Natural,
    NonNegative,
    OpenShare,
    Positive,
    Seed,
    Share,
    checked,
)


@former_options
@dataclass(frozen=True)
@checked
class TrainingOptions:
    """Options of the training loop: length, speed, stopping and checkpoints.

    Args:
        epochs: Passes over the users, at most.
        batch_size: Users a step.
        lr: Adam's learning rate.
        min_steps: Steps an epoch at least: small data sets are passed over several times.
        input_share: Smallest and largest share of a history that is the input; the rest is predicted.
        empty_history_rate: Share of users whose whole history is hidden, for unknown users.
        lone: Share of users with a single item who are given a view of it: its content without the
            id and with a share of the words hidden. The item itself is their target. The others
            have no input, as an unknown user.
        views: Share of users with several items who are given a view of one in place of a history,
            with all of their items as targets, as a user with a single click.
        task_items: Items drawn for the tasks a step.
        task_sampling: "uniform", or "richness": items with more content are drawn more often, by
            `sidelight.data.sampling.item_probabilities`.
        negatives: Uniform negatives a step where the touched items outnumber `full_softmax_limit`.
        full_softmax_limit: Catalogue size (touched items) up to which the softmax is over all of them.
        patience: Epochs without a better validation signal before training stops.
        validation_users: Validation users looked at.
        checkpoint_minutes: Between checkpoints.
        precision: "float32", or "bfloat16" for products on devices where it is fast.
        device: torch device.
        seed: Random seed.

    Examples:
        >>> import sidelight as sl
        >>> sl.TrainingOptions(epochs=5, lr=0.01).epochs
        5
    """

    epochs: Count = 20
    batch_size: Count = 512
    lr: Positive = 1e-3
    min_steps: Count = 8
    input_share: tuple[OpenShare, OpenShare] = (0.3, 0.9)
    empty_history_rate: Share = 0.05
    lone: Share = 1.0
    views: Share = 0.0
    task_items: Count = 1024
    task_sampling: Literal["uniform", "richness"] = "uniform"
    negatives: Count = 4096
    full_softmax_limit: Natural = 20_000
    patience: Natural = 4
    validation_users: Count = 2000
    checkpoint_minutes: NonNegative = 2.0
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Label = "cpu"
    seed: Seed = 0

    def __post_init__(self) -> None:
        low, high = self.input_share
        if low > high:
            raise SpecError(
                complain("0 < smallest <= largest < 1", f"{self.input_share}", "option 'input_share'")
            )
