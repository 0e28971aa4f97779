"""Fork-merge training: loss weights found by trying branches against each other on validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Literal

from sidelight.option_types import SOME, Count, NonNegative, OpenShare, SomeShare, checked

if TYPE_CHECKING:
    from sidelight.training.checkpoint import TrainingState
    from sidelight.training.loop import Training

PRIMARY = "primary"


@dataclass(frozen=True)
@checked
class ForkMerge:
    """Schedule of branches: tasks keep only the weight that validation events justify.

    From one set of parameters every branch trains for some epochs with loss weights of its own,
    one of them without any task. Then the branches are mixed,

        theta = sum_b share_b theta_b,  shares >= 0 with sum 1,

    by a greedy search: from the primary branch on, in the order of their signals, each other branch
    is offered every share of `grid` and the whole (the ones before it keep the rest in their
    proportions). It gets the best of these only if that leads by more than noise explains,

        signal - signal without it > z * standard error of that difference over users,

    z the normal quantile of 1 - level / tried, tried = branches beside the primary * shares. Of many
    mixtures one is better by chance, and without this a task of noise keeps a share. What the shares
    make of the loss weights of the branches, sum_b share_b w_bk, is recorded as the weight of task k
    in that round.

    It takes the place of a weighting. It costs as many trainings as there are branches, and that many
    copies of parameters and optimizer in memory. It chooses by validation over and over, so the
    signal of the result is optimistic; evaluate it on other events.

    Args:
        epochs: Epochs of a branch before branches are merged.
        grid: Shares that a branch is offered, in (0, 1).
        margin: Least lead of the mixture over the primary branch, as a share of its
            signal; >= 0.
        branches: Beside the primary alone: "each" for one with each task, "all" for one with all of
            them, "both" for all of these.
        level: Chance that a round gives weight to tasks that do nothing, over all mixtures it tries,
            as far as users are the source of noise; in (0, 1], 1 asks for no evidence.

    Source: Jiang et al., "ForkMerge" (NeurIPS 2023), Algorithm 1. Ours runs no rounds before to
    choose tasks; gives all branches the same batches; mixes the moments of the optimizer with the
    shares, where theirs has one optimizer per branch; leaves out the loss of a task in branches
    where it has no weight; and takes the shares of the grid as they are, where theirs bounds them
    by the mean of those before. Margin and level are ours.

    Examples:
        >>> list(ForkMerge(branches="both").forks({"a": 1.0, "b": 0.5}))
        ['primary', '+ a', '+ b', '+ all']
    """

    epochs: Count = 1
    grid: Annotated[tuple[OpenShare, ...], SOME] = (0.25, 0.5, 0.75)
    margin: NonNegative = 0.0
    branches: Literal["each", "all", "both"] = "each"
    level: SomeShare = 0.05

    def run(self, training: Training) -> TrainingState:
        """See `Schedule.run`; at the end the towers are those of the best round.

        Raises:
            SpecError: There are no validation events to compare branches by.
        """
        from sidelight.training.branch_training import train_in_branches

        return train_in_branches(training, self)

    def forks(self, weights: Mapping[str, float]) -> dict[str, dict[str, float]]:
        """Loss weights of each branch by name, "primary" first; equal branches only once.

        Args:
            weights: Initial weight of each task.
        """
        none = dict.fromkeys(weights, 0.0)
        branches = {PRIMARY: none}
        if self.branches in ("each", "both"):
            branches |= {f"+ {name}": {**none, name: float(value)} for name, value in weights.items()}
        if self.branches in ("all", "both"):
            branches["+ all"] = {name: float(value) for name, value in weights.items()}
        out: dict[str, dict[str, float]] = {}
        for name, branch in branches.items():
            if branch not in out.values():
                out[name] = branch
        return out

    def shares(
        self,
        alone: Sequence[float],
        judge: Callable[[Sequence[float]], float],
        error: Callable[[Sequence[float], Sequence[float]], float],
    ) -> list[float]:
        """Search the shares of the mixture greedily.

        Args:
            alone: Signal of each branch by itself, >= 0, the primary's first; of equal ones the
                earlier is preferred.
            judge: Signal of the mixture with given shares.
            error: Standard error of the difference between the signals of two mixtures, by their shares.

        Returns:
            Shares of the mixture, or the primary alone where that does not lead by `margin`.
        """

        def only(branch: int) -> list[float]:
            return [float(at == branch) for at in range(len(alone))]

        others = sorted(range(1, len(alone)), key=lambda at: (-alone[at], at))
        z = self._quantile(len(others) * (1 + len(self.grid)))
        best, top = only(0), alone[0]
        for other in others:
            offer, most = only(other), alone[other]
            for share in self.grid:
                tried = [(1 - share) * kept for kept in best]
                tried[other] = share
                if (found := judge(tried)) > most:
                    offer, most = tried, found
            if most > top and most - top > z * error(offer, best):
                best, top = offer, most
        return best if top > alone[0] * (1 + self.margin) else only(0)

    def _quantile(self, chances: int) -> float:
        """Return z >= 0 that any of so many leads by chance exceeds with probability `level` at most."""
        if not chances or self.level >= 1:
            return 0.0
        return max(0.0, NormalDist().inv_cdf(1 - self.level / chances))
