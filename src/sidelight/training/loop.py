"""The training loop, from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.errors import SidelightError
from sidelight.progress import Progress
from sidelight.tasks.task import Task
from sidelight.towers.towers import Towers
from sidelight.training.batches import Batches
from sidelight.training.checkpoint import Checkpoints, TrainingState, defer_interrupt
from sidelight.training.gradient_aggregation import GradientAggregation, backward
from sidelight.training.gradient_signals import signals
from sidelight.training.objective import primary_loss
from sidelight.training.stopping_signal import StoppingSignal, blind
from sidelight.training.training_options import TrainingOptions
from sidelight.weighting.weighting import Weighting

if TYPE_CHECKING:
    from sidelight.training.gradient_aggregation import Aggregate


class NonFiniteLossError(SidelightError):
    """A loss became NaN or infinite; the message names the part."""


def train(
    towers: Towers,
    split: Split,
    tasks: tuple[Task, ...],
    weighting: Weighting,
    options: TrainingOptions,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    about: str = "",
    combine: GradientAggregation | None = None,
    judged: bool = True,
) -> TrainingState:
    """Minimise primary + sum of weight * task until validation stops improving.

    Args:
        towers: Trained in place; at the end they are those of the best epoch.
        split: Training events, and the validation part that stops and steers; see `Judge` for what
            does so where it says nothing.
        tasks: Auxiliary tasks, each with a name of its own.
        weighting: From losses and validation signals to the next weights.
        options: How long, how fast.
        progress: Called as (steps done, steps in all, label with losses and weights).
        checkpoint: Folder to go on from and to write every `options.checkpoint_minutes` and on Ctrl-C.
        about: Hash of what is trained; a checkpoint of something else is refused.
        combine: How gradients are joined where several losses pull; None adds them up.
        judged: False runs all epochs and keeps the last one.

    Returns:
        The state at the end, with its trace.

    Raises:
        NonFiniteLossError: The primary or a task gave NaN or infinity.
    """
    data, keyed = Batches.of(split, options), module_keys(tasks)
    state = begin(towers, split, tasks, weighting, options)
    judge = StoppingSignal.of(split, towers, options) if judged else blind(split, options)
    judge.warn()
    state.trace["judge"] = {"kind": judge.kind, "why": judge.why}
    aggregate = None if combine is None else combine.build()
    checkpoints = Checkpoints(checkpoint, about, options.checkpoint_minutes)
    checkpoints.resume(state)
    total = options.epochs * data.per_epoch
    towers.train()
    if not state.trace["epochs"]:
        keep_best(state, towers, 0, judge(towers))
    with checkpoints.saving_on_interrupt(state):
        while state.step < total and not stopped(state, data, options):
            with defer_interrupt():
                losses = compute_losses(state, data, keyed, options)
                if tasks and state.step % weighting.every == 0:
                    seen = signals(state.step, losses, towers, weighting.needs, judge.steering)
                    state.steering, state.weights = weighting.update(state.steering, seen)
                    record(state.trace, state.step, state.weights, seen.losses)
                optimizer_step(state, losses, options, aggregate)
                if state.step % data.per_epoch == 0:
                    keep_best(state, towers, state.step // data.per_epoch, judge(towers))
            if progress is not None:
                progress(state.step, total, label(state, losses))
            checkpoints.save_when_due(state)
    return finish(state, towers)


def begin(
    towers: Towers, split: Split, tasks: tuple[Task, ...], weighting: Weighting, options: TrainingOptions
) -> TrainingState:
    """The state before the first step: modules of the tasks, optimizer, starting weights."""
    modules: dict[str, nn.Module] = {"towers": towers}
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        for key, task in module_keys(tasks):
            modules[key] = task.build(split, towers, options.seed).to(towers.touched.device)
    held = nn.ModuleDict(modules)
    others = [p for p in held.parameters() if p is not towers.gates]
    rate = options.lr * max([1.0, *(getattr(task, "gate_rate", 1.0) for task in tasks if task.weight > 0)])
    groups: list[dict[str, Any]] = [{"params": others}, {"params": [towers.gates], "lr": rate}]
    optimizer = torch.optim.Adam(groups, lr=options.lr, betas=(0.9, 0.99))
    weights = {t.name: float(t.weight) for t in tasks}
    trace = {"step": [], "weights": {n: [] for n in weights}, "losses": {}, "epochs": []}
    return TrainingState(held, optimizer, 0, weights, weighting.start(weights), trace=trace)


def module_keys(tasks: tuple[Task, ...]) -> list[tuple[str, Task]]:
    """Tasks with the names of their modules: a module's name may hold no dot, a task's may."""
    return [(f"task{at}", task) for at, task in enumerate(tasks)]


def compute_losses(
    state: TrainingState, data: Batches, keyed: Sequence[tuple[str, Task]], options: TrainingOptions
) -> dict[str, Tensor]:
    """The losses of the next step, "primary" first, with their graph.

    Raises:
        NonFiniteLossError: One of them is NaN or infinite.
    """
    towers = cast(Towers, state.modules["towers"])
    batch = data.make(state.step, towers)
    with _precision(options):
        losses = {"primary": primary_loss(batch, towers, len(data.touched))}
        losses |= {task.name: state.modules[key](batch, towers) for key, task in keyed}
    for name, loss in losses.items():
        if not bool(torch.isfinite(loss)):
            value = float(loss.detach())
            raise NonFiniteLossError(
                f"the loss of {name!r} became {value} at step {state.step}; "
                "lower lr, or the weight of that part"
            )
    return losses


def optimizer_step(
    state: TrainingState,
    losses: Mapping[str, Tensor],
    options: TrainingOptions,
    aggregate: Aggregate | None = None,
) -> None:
    """One step of the optimizer down primary + sum of weight * task.

    Args:
        state: Moved on by one step.
        losses: What `measure` gave.
        options: For the seed.
        aggregate: What joins the gradients where several losses pull; None adds them up.
    """
    tasks = {name: state.weights[name] * loss for name, loss in losses.items() if name in state.weights}
    state.optimizer.zero_grad()
    if aggregate is None:
        torch.autograd.backward(sum(tasks.values(), losses["primary"]))
    else:
        parts = [losses["primary"], *(part for name, part in tasks.items() if state.weights[name] != 0)]
        towers, everything = state.modules["towers"].parameters(), state.modules.parameters()
        backward(parts, list(towers), list(everything), aggregate, options.seed + state.step)
    state.optimizer.step()
    state.step += 1


def record(
    trace: dict[str, Any], step: int, weights: Mapping[str, float], losses: Mapping[str, float]
) -> None:
    """Note the weights in force from a step on, and the losses seen there."""
    trace["step"].append(step)
    for name, value in weights.items():
        trace["weights"][name].append(value)
    for name, value in losses.items():
        trace["losses"].setdefault(name, []).append(value)


def keep_best(state: TrainingState, towers: Towers, epoch: int, found: Mapping[str, float] | None) -> None:
    """Note what the judge found, if anything, and keep the towers if they are the best so far."""
    if found is None:
        return
    state.trace["epochs"].append({"epoch": epoch, **found})
    if state.best is None or found["signal"] > state.best:
        state.best, state.best_epoch = found["signal"], epoch
        state.kept = {k: v.detach().clone() for k, v in towers.state_dict().items()}


def stopped(state: TrainingState, data: Batches, options: TrainingOptions) -> bool:
    """Whether the best epoch lies too far back."""
    epoch = state.step / data.per_epoch
    return state.best is not None and epoch - state.best_epoch >= options.patience


def finish(state: TrainingState, towers: Towers) -> TrainingState:
    """The state at the end, with the towers of the best epoch in place."""
    if state.kept:
        towers.load_state_dict(state.kept)
    towers.eval()
    state.trace["modalities"] = modalities(towers)
    return state


def modalities(towers: Towers) -> list[dict[str, Any]]:
    """Weight of each modality, with its lift and the standard error of that where one was measured."""
    out: list[dict[str, Any]] = []
    weights = towers.weights().tolist()
    for at, (modality, weight) in enumerate(zip(towers.modalities, weights, strict=True)):
        out.append({"name": modality.name, "weight": weight})
        if towers.evidence and math.isfinite(towers.evidence[at].error):
            out[-1] |= {"lift": towers.evidence[at].lift, "error": towers.evidence[at].error}
    return out


def label(state: TrainingState, losses: Mapping[str, Tensor], doing: str = "training") -> str:
    """Losses with their weights, for a progress bar."""
    parts = [f"{name} {float(loss.detach()):.3g}" for name, loss in losses.items()]
    parts = [
        f"{p} x {state.weights[n]:.2g}" if n in state.weights else p
        for p, n in zip(parts, losses, strict=True)
    ]
    return f"{doing} | {', '.join(parts)}"


def _precision(options: TrainingOptions) -> torch.autocast:
    kind = torch.device(options.device).type
    return torch.autocast(kind, torch.bfloat16, enabled=options.precision == "bfloat16")
