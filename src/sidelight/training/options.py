"""`Options` of the loop: how long, how fast, when to stop, where to keep what was reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sidelight.errors import SpecError, complain
from sidelight.spectypes import Count, Label, Natural, NonNegative, OpenShare, Positive, Seed, Share, checked


@dataclass(frozen=True)
@checked
class Options:
    """How a model is trained.

    Args:
        epochs: Passes over the users, at most.
        batch_size: Users a step.
        lr: Adam's learning rate.
        steps: Steps an epoch at least: small data sets are passed over several times.
        inputs: Smallest and largest share of a history that is the input; the rest is predicted.
        empty: Share of users whose whole history is hidden, so that somebody unknown is served too.
        lone: Share of users with a single item who are given a view of it: its content without the
            id and with a share of the words hidden. The item itself is their target. The others
            have no input, as somebody unknown.
        views: Share of users with several items who are given a view of one in place of a history,
            with all of their items as targets, as somebody with a single click.
        drawn: Items drawn for the tasks a step.
        draw: "uniform", or "richness": items with more content are drawn more often, by the formula of
            `sidelight.data.sampling.item_probabilities`.
        negatives: Uniform negatives a step where the touched items outnumber `full`.
        full: Catalogue size (touched items) up to which the softmax is over all of them.
        patience: Epochs without a better validation signal before training stops.
        users: Validation users looked at.
        minutes: Between checkpoints.
        precision: "float32", or "bfloat16" for products on devices where it is fast.
        device: torch device.
        seed: Of everything that is drawn.
    """

    epochs: Count = 20
    batch_size: Count = 512
    lr: Positive = 1e-3
    steps: Count = 8
    inputs: tuple[OpenShare, OpenShare] = (0.3, 0.9)
    empty: Share = 0.05
    lone: Share = 1.0
    views: Share = 0.0
    drawn: Count = 1024
    draw: Literal["uniform", "richness"] = "uniform"
    negatives: Count = 4096
    full: Natural = 20_000
    patience: Natural = 4
    users: Count = 2000
    minutes: NonNegative = 2.0
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Label = "cpu"
    seed: Seed = 0

    def __post_init__(self) -> None:
        low, high = self.inputs
        if low > high:
            raise SpecError(complain("0 < smallest <= largest < 1", f"{self.inputs}", "option 'inputs'"))
