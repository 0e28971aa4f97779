"""Training in branches that are merged by what validation says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.evaluation.evaluate import evaluate
from sidelight.progress import Progress
from sidelight.tasks.task import Task
from sidelight.towers.towers import Towers
from sidelight.training.batches import Batches
from sidelight.training.checkpoint import Checkpoints, TrainingState, defer_interrupt
from sidelight.training.gradient_aggregation import GradientAggregation
from sidelight.training.loop import (
    begin,
    compute_losses,
    finish,
    keep_best,
    label,
    module_keys,
    optimizer_step,
    record,
    stopped,
)
from sidelight.training.training_options import TrainingOptions
from sidelight.training.validation_scores import K, TowerScores, item_vectors, validate, validation_part
from sidelight.weighting.fork_merge import ForkMerge, effective

FORK, TOWERS = "fork", "model/towers."
Values = tuple[NDArray[np.int64], NDArray[np.float64]]


def fork_merge(
    towers: Towers,
    split: Split,
    tasks: tuple[Task, ...],
    weighting: ForkMerge,
    options: TrainingOptions,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    about: str = "",
    combine: GradientAggregation | None = None,
) -> TrainingState:
    """As `train`, in rounds: fork, train every branch on the same batches, merge.

    `patience` and `epochs` count the epochs of one branch. A checkpoint holds the fork, the
    branches that are done and the one at work, so that a run goes on at any step of any branch.

    Args:
        towers: Trained in place; at the end they are those of the best round.
        split: Training events, and the validation part that judges every mixture.
        tasks: Auxiliary tasks, each with a name of its own.
        weighting: Branches, and the shares to try.
        options: How long, how fast.
        progress: Called as (steps done, steps in all, label), counted over all branches.
        checkpoint: Folder to go on from and to write every `options.checkpoint_minutes` and on Ctrl-C.
        about: Hash of what is trained; a checkpoint of something else is refused.
        combine: How gradients are joined where several losses pull; None adds them up.

    Returns:
        The state at the end. Its trace has one entry a round in "weights" (from the step in "step"
        on), "losses" (mean over the branches that have it, at their last step), "epochs" and
        "merges" (signal and share of each branch).

    Raises:
        NonFiniteLossError: The primary or a task gave NaN or infinity.
        SpecError: There are no validation events to judge by.
    """
    if not len(split.validation):
        fix = "split off some, or take another weighting"
        raise SpecError(complain("validation events to judge branches by", "none", "ForkMerge", fix))
    data, state = Batches.of(split, options), begin(towers, split, tasks, weighting, options)
    part = validation_part(split, options.validation_users, options.seed)
    aggregate = None if combine is None else combine.build()
    forks = weighting.forks({task.name: float(task.weight) for task in tasks})
    checkpoints = Checkpoints(checkpoint, about, options.checkpoint_minutes)
    checkpoints.resume(state)
    total = options.epochs * data.per_epoch
    towers.train()
    if not state.trace["epochs"]:
        keep_best(state, towers, 0, validate(towers, part))
    with checkpoints.saving_on_interrupt(state):
        while state.held or (state.step < total and not stopped(state, data, options)):
            if not state.held:
                _fork(state)
            start, at = state.steering["start"], state.steering["branch"]
            end = min(total, start + weighting.epochs * data.per_epoch)
            if at < len(forks):
                name, state.weights = list(forks.items())[at]
                with defer_interrupt():
                    pulling = [(key, t) for key, t in module_keys(tasks) if state.weights[t.name] != 0]
                    losses = compute_losses(state, data, pulling, options)
                    optimizer_step(state, losses, options, aggregate)
                    doing = label(state, losses, f"branch {name}")
                    done = start * len(forks) + at * (end - start) + state.step - start
                    if state.step == end:
                        _close(state, losses)
            else:
                _merge(state, towers, part, weighting, forks, end, end // data.per_epoch)
                done, doing = end * len(forks), _merged(state)
            if progress is not None:
                progress(done, total * len(forks), doing)
            checkpoints.save_when_due(state)
    return finish(state, towers)


def mixed(ends: Sequence[Mapping[str, Tensor]], shares: Sequence[float], only: str = "") -> dict[str, Tensor]:
    """The mixture of what `State.copied` gave; a branch whose share is 0 is not looked at.

    What a branch lacks counts as zero: moments of the optimizer for parameters it never moved.

    Args:
        ends: One a branch.
        shares: One a branch, >= 0, with sum 1.
        only: Start of the names that are wanted.
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
    """NDCG of every validation user in the slices that the signal is the mean of."""
    found = evaluate(TowerScores(towers, item_vectors(towers)), part, ks=(K,), metrics=("ndcg",))
    slices = [name for name in ("overall", "cold", "warm") if name in found.values]
    return {name: (found.users[name], found.values[name][f"ndcg@{K}"]) for name in slices}


def _fork(state: TrainingState) -> None:
    with defer_interrupt():
        state.steering = {"start": state.step, "branch": 0, "losses": []}
        state.held = {FORK: state.copied()}


def _close(state: TrainingState, losses: Mapping[str, Tensor]) -> None:
    """Put the end of a branch aside and go back to the fork."""
    cursor = state.steering
    state.held[str(cursor["branch"])] = state.copied()
    ended = {name: float(loss.detach()) for name, loss in losses.items()}
    state.put(state.held[FORK])
    state.step = cursor["start"]
    state.steering = {
        **cursor,
        "branch": cursor["branch"] + 1,
        "losses": [*cursor["losses"], ended],
    }


def _merge(
    state: TrainingState,
    towers: Towers,
    part: Split,
    weighting: ForkMerge,
    forks: Mapping[str, Mapping[str, float]],
    end: int,
    epoch: int,
) -> None:
    """Look for the best mixture of the branches, and go on from it."""
    ends = [state.held[str(at)] for at in range(len(forks))]
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
    shares = weighting.shares(alone, judge, error)
    start, ended = state.steering["start"], state.steering["losses"]
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
        state.held = {}


def _merged(state: TrainingState) -> str:
    shares = state.trace["merges"][-1]["share"]
    parts = [f"{name} {share:.2g}" for name, share in shares.items() if share > 0]
    return f"merged | {', '.join(parts)} | signal {state.trace['epochs'][-1]['signal']:.3g}"
