"""Training in branches that are merged by their validation signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.evaluation.evaluate import evaluate
from sidelight.towers.towers import Towers
from sidelight.training.checkpoint import TrainingState, defer_interrupt
from sidelight.training.loop import Training, finish, keep_best, label, record, scalar, stopped
from sidelight.training.validation_scores import K, TowerScores, item_vectors, validate, validation_part
from sidelight.weighting.fixed import Fixed

FORK, TOWERS = "fork", "model/towers."
Values = tuple[NDArray[np.int64], NDArray[np.float64]]


class BranchRule(Protocol):
    """Options of a training in branches, see `ForkMerge`."""

    @property
    def epochs(self) -> int:
        """Epochs between two merges."""
        ...

    def forks(self, weights: Mapping[str, float]) -> Mapping[str, Mapping[str, float]]:
        """Return the loss weights of each branch by its name."""
        ...

    def shares(
        self,
        alone: Sequence[float],
        judge: Callable[[Sequence[float]], float],
        error: Callable[[Sequence[float], Sequence[float]], float],
    ) -> list[float]:
        """Return the share of each branch in the mixture."""
        ...


def train_in_branches(training: Training, rule: BranchRule) -> TrainingState:
    """Train in rounds: fork, train every branch on the same batches, merge.

    `patience` and `epochs` count the epochs of one branch, `progress` the steps of all branches. A
    checkpoint holds the fork, the branches that are done and the current one, so that a run resumes at
    any step of any branch.

    Args:
        training: Towers, data, losses and options.
        rule: Branches, and the shares to try.

    Returns:
        The state at the end. Its trace has one entry per round in "weights" (from the step in "step"
        on), "losses" (mean over the branches that have it, at their last step), "epochs" and
        "merges" (signal and share of each branch).

    Raises:
        NonFiniteLossError: The primary or a task gave NaN or infinity.
        SpecError: There are no validation events to compare branches by, or a weighting.
    """
    run, towers, options = training, training.towers, training.options
    if not len(run.split.validation):
        fix = "split off some, or take another schedule"
        raise SpecError(complain("validation events to judge branches by", "none", "ForkMerge", fix))
    if not isinstance(run.weighting, Fixed):
        fix = "leave weighting out: the branches find the weights"
        raise SpecError(complain("fixed initial weights", repr(run.weighting), "ForkMerge", fix))
    state, part = run.begin(), validation_part(run.split, options.validation_users, options.seed)
    state.weighting_state = {"start": 0, "branch": 0, "losses": []}
    forks = rule.forks({task.name: float(task.weight) for task in run.tasks})
    run.checkpoints.resume(state)
    total, per_epoch = run.total, run.batches.per_epoch
    towers.train()
    if not state.trace["epochs"]:
        keep_best(state, towers, 0, validate(towers, part))
    with run.checkpoints.saving_on_interrupt(state):
        while state.branch_states or (state.step < total and not stopped(state, run)):
            if not state.branch_states:
                _fork(state)
            start, at = state.weighting_state["start"], state.weighting_state["branch"]
            end = min(total, start + rule.epochs * per_epoch)
            if at < len(forks):
                name, state.weights = list(forks.items())[at]
                with defer_interrupt():
                    weighted = [key for key, task in run.keys.items() if state.weights[task.name] != 0]
                    losses = run.compute_losses(state, weighted)
                    run.optimizer_step(state, losses)
                    phase = label(state, losses, f"branch {name}")
                    done = start * len(forks) + at * (end - start) + state.step - start
                    if state.step == end:
                        _close(state, losses)
            else:
                _merge(state, towers, part, rule, forks, end, end // per_epoch)
                done, phase = end * len(forks), _merged(state)
            if run.progress is not None:
                run.progress(done, total * len(forks), phase)
            run.checkpoints.save_when_due(state)
    return finish(state, towers)


def mixed(ends: Sequence[Mapping[str, Tensor]], shares: Sequence[float], only: str = "") -> dict[str, Tensor]:
    """Mix copies of training states; a branch whose share is 0 is not looked at.

    Tensors that a branch lacks count as zero: moments of the optimizer for parameters it never moved.

    Args:
        ends: `TrainingState.copied` at the end of each branch.
        shares: Share of each branch, >= 0, with sum 1.
        only: Prefix of the names to mix.
    """
    used = [(share, end) for share, end in zip(shares, ends, strict=True) if share > 0]
    out: dict[str, Tensor] = {}
    for name in dict.fromkeys(name for _, end in used for name in end if name.startswith(only)):
        there = [(share, end[name]) for share, end in used if name in end]
        if name.endswith("/step"):  # of the optimizer: steps are counted, not averaged
            out[name] = max((value for _, value in there), key=float)
        elif there[0][1].is_floating_point():
            out[name] = torch.stack([share * value for share, value in there]).sum(dim=0)
        else:
            out[name] = max(there, key=lambda pair: pair[0])[1]
    return out


def lead_error(one: Mapping[str, Values], two: Mapping[str, Values]) -> float:
    """Standard error over users of the difference between two signals, each the mean of its slices' means.

    With d_su the difference of user u in slice s, the difference of the signals is a sum over users
    of sum_s d_su / (S n_s), and its error the root of the sum of squares of their deviations.

    Args:
        one, two: For each of S slices the users, int64 (n_s,), and a figure each, float64 (n_s,);
            the same users in both.
    """
    parts: dict[int, float] = {}
    for name, (users, values) in one.items():
        apart = values - two[name][1]
        share = (apart - apart.mean()) / (len(one) * len(apart))
        for user, value in zip(users.tolist(), share.tolist(), strict=True):
            parts[user] = parts.get(user, 0.0) + value
    return float(np.sqrt(sum(value * value for value in parts.values())))


def _by_user(towers: Towers, part: Split) -> dict[str, Values]:
    """Return NDCG per validation user in the slices that the signal is the mean of."""
    found = evaluate(TowerScores(towers, item_vectors(towers)), part, ks=(K,), metrics=("ndcg",))
    slices = [name for name in ("overall", "cold", "warm") if name in found.values]
    return {name: (found.users[name], found.values[name][f"ndcg@{K}"]) for name in slices}


def _fork(state: TrainingState) -> None:
    with defer_interrupt():
        state.weighting_state = {"start": state.step, "branch": 0, "losses": []}
        state.branch_states = {FORK: state.copied()}


def _close(state: TrainingState, losses: Mapping[str, Tensor]) -> None:
    """Store the end of a branch and go back to the fork."""
    cursor = state.weighting_state
    state.branch_states[str(cursor["branch"])] = state.copied()
    ended = {name: scalar(loss) for name, loss in losses.items()}
    state.put(state.branch_states[FORK])
    state.step = cursor["start"]
    state.weighting_state = {
        **cursor,
        "branch": cursor["branch"] + 1,
        "losses": [*cursor["losses"], ended],
    }


def _merge(
    state: TrainingState,
    towers: Towers,
    part: Split,
    rule: BranchRule,
    forks: Mapping[str, Mapping[str, float]],
    end: int,
    epoch: int,
) -> None:
    """Search the best mixture of the branches and continue from it."""
    ends = [state.branch_states[str(at)] for at in range(len(forks))]
    seen: dict[tuple[float, ...], dict[str, float]] = {}

    def put(shares: Sequence[float]) -> None:
        found = mixed(ends, shares, TOWERS)
        towers.load_state_dict({name.removeprefix(TOWERS): value for name, value in found.items()})

    def judge(shares: Sequence[float]) -> float:
        put(shares)
        seen[tuple(shares)] = validate(towers, part)
        return seen[tuple(shares)]["signal"]

    def error(*mixtures: Sequence[float]) -> float:
        values = []
        for each in mixtures:
            put(each)
            values.append(_by_user(towers, part))
        return lead_error(*values)

    alone = [judge([float(at == b) for at in range(len(ends))]) for b in range(len(ends))]
    shares = rule.shares(alone, judge, error)
    start, ended = state.weighting_state["start"], state.weighting_state["losses"]
    names = dict.fromkeys(name for losses in ended for name in losses)
    losses = {n: [branch[n] for branch in ended if n in branch] for n in names}
    with defer_interrupt():
        state.put(mixed(ends, shares))
        state.step, state.weights = end, effective(forks, shares)
        record(state.trace, start, state.weights, {n: sum(v) / len(v) for n, v in losses.items()})
        merge = {"step": start, "signal": dict(zip(forks, alone, strict=True))}
        merge["share"] = dict(zip(forks, shares, strict=True))
        state.trace.setdefault("merges", []).append(merge)
        keep_best(state, towers, epoch, seen[tuple(shares)])
        state.branch_states = {}


def _merged(state: TrainingState) -> str:
    shares = state.trace["merges"][-1]["share"]
    parts = [f"{name} {share:.2g}" for name, share in shares.items() if share > 0]
    return f"merged | {', '.join(parts)} | signal {state.trace['epochs'][-1]['signal']:.3g}"


def effective(forks: Mapping[str, Mapping[str, float]], shares: Sequence[float]) -> dict[str, float]:
    """Return the weight of each task in the mixture: sum over branches of share times weight."""
    out: dict[str, float] = {}
    for share, weights in zip(shares, forks.values(), strict=True):
        for name, weight in weights.items():
            out[name] = out.get(name, 0.0) + share * weight
    return out
