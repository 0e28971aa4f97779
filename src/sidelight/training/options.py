"""`Options` of the loop: how long, how fast, when to stop, where to keep what was reached."""

from __future__ import annotations

from dataclasses import dataclass

from sidelight.errors import SpecError, complain


@dataclass(frozen=True)
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

    epochs: int = 20
    batch_size: int = 512
    lr: float = 1e-3
    steps: int = 8
    inputs: tuple[float, float] = (0.3, 0.9)
    empty: float = 0.05
    lone: float = 1.0
    views: float = 0.0
    drawn: int = 1024
    draw: str = "uniform"
    negatives: int = 4096
    full: int = 20_000
    patience: int = 4
    users: int = 2000
    minutes: float = 2.0
    precision: str = "float32"
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "steps", "drawn", "negatives", "users"):
            if getattr(self, name) < 1:
                found = f"{getattr(self, name)}"
                raise SpecError(complain(f"{name} >= 1", found, "the options of training"))
        low, high = self.inputs
        if not 0 < low <= high < 1:
            raise SpecError(complain("0 < smallest <= largest < 1", f"{self.inputs}", "option 'inputs'"))
        for name in ("empty", "lone", "views"):
            if not 0 <= getattr(self, name) <= 1:
                raise SpecError(complain("a share in [0, 1]", f"{getattr(self, name)}", f"option {name!r}"))
        if self.lr <= 0:
            raise SpecError(complain("lr > 0", f"{self.lr}", "the options of training"))
        if self.precision not in ("float32", "bfloat16"):
            raise SpecError(complain("precision 'float32' or 'bfloat16'", repr(self.precision)))
        if self.draw not in ("uniform", "richness"):
            raise SpecError(complain("draw 'uniform' or 'richness'", repr(self.draw)))
