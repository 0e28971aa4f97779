"""The training loop, from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sidelight.data.split.split import Split
from sidelight.errors import SidelightError
from sidelight.progress import Progress
from sidelight.tasks.task import Task
from sidelight.towers.towers import Towers
from sidelight.training.batches import Batches
from sidelight.training.checkpoint import Checkpoints, TrainingState, defer_interrupt
from sidelight.training.gradient_signals import signals
from sidelight.training.objectives.objective import Objective
from sidelight.training.objectives.softmax import Softmax
from sidelight.training.steps import GradientSum, Step
from sidelight.training.stopping_signal import StoppingSignal, blind
from sidelight.training.training_options import TrainingOptions
from sidelight.weighting.fixed import Fixed
from sidelight.weighting.weighting import Weighting


class NonFiniteLossError(SidelightError):
    """A loss became NaN or infinite; the message names the part."""


@dataclass(frozen=True, eq=False)
class Training:
    """All that one training needs; a `Schedule` runs it.

    Args:
        towers: Trained in place.
        split: Training events, and the validation part that stops and steers; see `StoppingSignal` for
            its replacement where validation has too few users.
        tasks: Auxiliary tasks, each with a name of its own.
        weighting: Rule from losses and validation signals to the next loss weights.
        options: Length and speed.
        objective: Primary loss.
        step: Rule from several losses to one gradient.
        progress: Called as (steps done, total steps, label with losses and weights).
        checkpoint: Folder to resume from and to write every `options.checkpoint_minutes` and on Ctrl-C.
        config_hash: Hash of spec and data; a checkpoint with another one is refused.
    """

    towers: Towers
    split: Split
    tasks: tuple[Task, ...] = ()
    weighting: Weighting = field(default_factory=Fixed)
    options: TrainingOptions = field(default_factory=TrainingOptions)
    objective: Objective = field(default_factory=Softmax)
    step: Step = field(default_factory=GradientSum)
    progress: Progress | None = None
    checkpoint: Path | None = None
    config_hash: str = ""

    @cached_property
    def batches(self) -> Batches:
        """Batches of the training events."""
        return Batches.of(self.split, self.options)

    @cached_property
    def total(self) -> int:
        """Steps of all epochs."""
        return self.options.epochs * self.batches.per_epoch

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """Writer and reader of the checkpoint folder."""
        return Checkpoints(self.checkpoint, self.config_hash, self.options.checkpoint_minutes)

    @cached_property
    def keys(self) -> dict[str, Task]:
        """Tasks by the name of their module: a module's name may hold no dot, a task's may."""
        return {f"task{at}": task for at, task in enumerate(self.tasks)}

    def begin(self) -> TrainingState:
        """Return the state before the first step: loss modules, optimizer, initial weights."""
        split, towers, options = self.split, self.towers, self.options
        modules: dict[str, nn.Module] = {"towers": towers}
        device = towers.touched.device
        with torch.random.fork_rng():
            torch.manual_seed(options.seed)
            for key, task in self.keys.items():
                modules[key] = task.build(split, towers, options.seed).to(device)
            modules["objective"] = self.objective.build(split, towers, options.seed).to(device)
        together, gates = nn.ModuleDict(modules), towers.fusion.gates
        others = [p for p in together.parameters() if p is not gates]
        rates = [getattr(task, "gate_rate", 1.0) for task in self.tasks if task.weight > 0]
        groups: list[dict[str, Any]] = [
            {"params": others},
            {"params": [gates], "lr": options.lr * max([1.0, *rates])},
        ]
        optimizer = torch.optim.Adam(groups, lr=options.lr, betas=(0.9, 0.99))
        weights = {t.name: float(t.weight) for t in self.tasks}
        trace = {"step": [], "weights": {n: [] for n in weights}, "losses": {}, "epochs": []}
        return TrainingState(together, optimizer, 0, weights, self.weighting.start(weights), trace=trace)

    def compute_losses(self, state: TrainingState, tasks: Sequence[str] | None = None) -> dict[str, Tensor]:
        """Compute the losses of the next step, "primary" first, with their graph.

        Args:
            state: The run.
            tasks: Keys of the tasks to compute; None means all.

        Returns:
            Each loss as a scalar or as one value per user, to be added up.

        Raises:
            NonFiniteLossError: One of them is NaN or infinite.
        """
        batch = self.batches.make(state.step, self.towers)
        chosen = self.keys if tasks is None else {key: self.keys[key] for key in tasks}
        kind = torch.device(self.options.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self.options.precision == "bfloat16"):
            losses = {"primary": state.modules["objective"](batch, self.towers)}
            losses |= {task.name: state.modules[key](batch, self.towers) for key, task in chosen.items()}
        for name, loss in losses.items():
            if not bool(torch.isfinite(loss).all()):
                raise NonFiniteLossError(
                    f"the loss of {name!r} became {scalar(loss)} at step {state.step}; "
                    "lower lr, or the weight of that part"
                )
        return losses

    @cached_property
    def _backward(self) -> Any:
        return self.step.build()

    def optimizer_step(self, state: TrainingState, losses: Mapping[str, Tensor]) -> None:
        """Move the parameters down primary + sum of weight * task, and the state on by one step."""
        state.optimizer.zero_grad()
        towers, parameters = list(self.towers.parameters()), list(state.modules.parameters())
        self._backward(losses, state.weights, towers, parameters, self.options.seed + state.step)
        state.optimizer.step()
        state.step += 1


def train(training: Training, judged: bool = True) -> TrainingState:
    """Minimise primary + sum of weight * task until validation stops improving.

    Args:
        training: Towers, data, losses and options.
        judged: False runs all epochs and keeps the last one.

    Returns:
        The state at the end, with its trace; the towers are those of the best epoch.

    Raises:
        NonFiniteLossError: The primary or a task gave NaN or infinity.
    """
    run, towers, epoch = training, training.towers, training.batches.per_epoch
    run._backward  # noqa: B018 - a missing package is an error before the first step
    state = run.begin()
    signal = StoppingSignal.of(run.split, towers, run.options) if judged else blind(run.split, run.options)
    signal.warn()
    state.trace["judge"] = {"kind": signal.kind, "why": signal.why}
    run.checkpoints.resume(state)
    towers.train()
    if not state.trace["epochs"]:
        keep_best(state, towers, 0, signal(towers))
    with run.checkpoints.saving_on_interrupt(state):
        while state.step < run.total and not stopped(state, run):
            with defer_interrupt():
                losses = run.compute_losses(state)
                if run.tasks and state.step % run.weighting.every == 0:
                    seen = signals(state.step, losses, towers, run.weighting.needs, signal.steering)
                    state.weighting_state, state.weights = run.weighting.update(state.weighting_state, seen)
                    record(state.trace, state.step, state.weights, seen.losses)
                run.optimizer_step(state, losses)
                if state.step % epoch == 0:
                    keep_best(state, towers, state.step // epoch, signal(towers))
            if run.progress is not None:
                run.progress(state.step, run.total, label(state, losses))
            run.checkpoints.save_when_due(state)
    return finish(state, towers)


def scalar(loss: Tensor) -> float:
    """Return a loss, given as a scalar or as one value per user, as a number."""
    return float(loss.detach().sum())


def record(
    trace: dict[str, Any], step: int, weights: Mapping[str, float], losses: Mapping[str, float]
) -> None:
    """Append the weights in force from a step on, and the losses at that step."""
    trace["step"].append(step)
    for name, value in weights.items():
        trace["weights"][name].append(value)
    for name, value in losses.items():
        trace["losses"].setdefault(name, []).append(value)


def keep_best(state: TrainingState, towers: Towers, epoch: int, found: Mapping[str, float] | None) -> None:
    """Record the validation figures of an epoch, if any, and keep the towers if they are the best so far."""
    if found is None:
        return
    state.trace["epochs"].append({"epoch": epoch, **found})
    if state.best is None or found["signal"] > state.best:
        state.best, state.best_epoch = found["signal"], epoch
        state.best_state = {k: v.detach().clone() for k, v in towers.state_dict().items()}


def stopped(state: TrainingState, training: Training) -> bool:
    """True where the best epoch lies `patience` epochs back."""
    epoch = state.step / training.batches.per_epoch
    return state.best is not None and epoch - state.best_epoch >= training.options.patience


def finish(state: TrainingState, towers: Towers) -> TrainingState:
    """Put the towers of the best epoch in place and return the state."""
    if state.best_state:
        towers.load_state_dict(state.best_state)
    towers.eval()
    state.trace["modalities"] = modalities(towers)
    return state


def modalities(towers: Towers) -> list[dict[str, Any]]:
    """Weight of each modality, with its lift and the standard error of the lift where one was measured."""
    out: list[dict[str, Any]] = []
    fusion = towers.fusion
    for at, (modality, weight) in enumerate(zip(fusion.modalities, fusion.weights().tolist(), strict=True)):
        out.append({"name": modality.name, "weight": weight})
        if fusion.evidence and math.isfinite(fusion.evidence[at].error):
            out[-1] |= {"lift": fusion.evidence[at].lift, "error": fusion.evidence[at].error}
    return out


def label(state: TrainingState, losses: Mapping[str, Tensor], phase: str = "training") -> str:
    """Format losses with their weights for a progress bar."""
    parts = []
    for name, loss in losses.items():
        weight = f" x {state.weights[name]:.2g}" if name in state.weights else ""
        parts.append(f"{name} {scalar(loss):.3g}{weight}")
    return f"{phase} | {', '.join(parts)}"
