"""`Schedule`: the protocol from single steps to a whole training; the loop and the replay of weights."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from sidelight.option_types import checked
from sidelight.weighting.weighting import Signals

if TYPE_CHECKING:
    from sidelight.training.checkpoint import TrainingState
    from sidelight.training.loop import Training


class Schedule(Protocol):
    """Spec of a course of training: a frozen dataclass of options."""

    def run(self, training: Training) -> TrainingState:
        """Train the towers in place and return the state at the end, with its trace.

        The trace records the loss weights in force: "step", the steps from which they hold, and
        "weights", one list per task. A checkpoint in `training.checkpoint` is resumed bit for bit.

        Raises:
            NonFiniteLossError: The primary or a task gave NaN or infinity.
        """
        ...


@dataclass(frozen=True)
@checked
class Loop:
    """One run with weights from the weighting, until validation stops improving.

    Examples:
        >>> import sidelight as sl
        >>> sl.TwoTower((sl.Text("title"),)).schedule
        Loop()
    """

    def run(self, training: Training) -> TrainingState:
        """See `Schedule.run`; at the end the towers are those of the best epoch."""
        from sidelight.training.loop import train

        return train(training)


@dataclass(frozen=True)
class Replay:
    """One run of all epochs with the weights that an earlier run recorded, without any validation.

    It trains on everything once validation has said how long to train, and with which weights.

    Args:
        step: Steps of the earlier run from which the weights hold, ascending.
        weights: For each task its weight from each of these steps on.

    Examples:
        >>> Replay((0, 4), {"a": (0.5, 0.0)}).at(3)
        {'a': 0.5}
    """

    step: tuple[int, ...]
    weights: dict[str, tuple[float, ...]]

    @classmethod
    def of(cls, trace: Mapping[str, Any]) -> Self:
        """Replay the weights in a trace."""
        weights: Mapping[str, Sequence[float]] = trace["weights"]
        return cls(tuple(trace["step"]), {name: tuple(values) for name, values in weights.items()})

    def at(self, step: int) -> dict[str, float]:
        """Return the weights in force at a step; the last ones once the record has ended."""
        place = bisect_right(self.step, step) - 1
        return {name: values[place] for name, values in self.weights.items()}

    def run(self, training: Training) -> TrainingState:
        """See `Schedule.run`."""
        from sidelight.training.loop import train

        return train(replace(training, weighting=_Recorded(self)), judged=False)


@dataclass(frozen=True)
class _Recorded:
    """Weighting that looks weights up in a record."""

    record: Replay
    needs: ClassVar[frozenset[str]] = frozenset()
    every: ClassVar[int] = 1

    def start(self, weights: Mapping[str, float]) -> dict[str, Any]:
        """Return an empty state: the step says which weights are in force."""
        return {}

    def update(self, state: dict[str, Any], signals: Signals) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the weights in force."""
        return state, self.record.at(signals.step)
