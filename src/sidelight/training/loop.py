"""The training loop, from top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from sidelight.data.split import Split
from sidelight.errors import SidelightError
from sidelight.tasks.task import Task
from sidelight.towers.towers import Towers
from sidelight.training.batches import Batches
from sidelight.training.options import Options
from sidelight.training.primary import primary_loss
from sidelight.training.signals import Validation, signals
from sidelight.training.state import State
from sidelight.training.validate import validate, validation_part
from sidelight.weighting.weighting import Weighting

Progress = Callable[[int, int, str], None]


class NonFiniteLossError(SidelightError):
    """A loss became NaN or infinite; the message names the part."""


def train(
    towers: Towers,
    split: Split,
    tasks: tuple[Task, ...],
    weighting: Weighting,
    options: Options,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    about: str = "",
) -> State:
    """Minimise primary + sum of weight * task until validation stops improving.

    Args:
        towers: Trained in place; at the end they are those of the best epoch.
        split: Training events, and the validation part that stops and steers. Without validation
            events all epochs are run and the last one is kept.
        tasks: Auxiliary tasks, each with a name of its own.
        weighting: From losses and validation signals to the next weights.
        options: How long, how fast.
        progress: Called as (steps done, steps in all, label with losses and weights).
        checkpoint: Folder to go on from and to write every `options.minutes` and on Ctrl-C.
        about: Hash of what is trained; a checkpoint of something else is refused.

    Returns:
        The state at the end, with its trace.

    Raises:
        NonFiniteLossError: The primary or a task gave NaN or infinity.
    """
    data = Batches.of(split, options)
    state = begin(towers, split, tasks, weighting, options)
    validation = Validation.of(split, options.seed)
    part = validation_part(split, options.users, options.seed) if len(split.validation) else None
    if checkpoint is not None and checkpoint.exists():
        state.load(checkpoint, about)
    saved, total = time.monotonic(), options.epochs * data.per_epoch
    towers.train()
    if state.step == 0:
        _epoch(state, towers, part, 0)
    try:
        while state.step < total and not _stopped(state, data, options):
            batch = data.make(state.step, towers)
            with _precision(options):
                losses = {"primary": primary_loss(batch, towers, len(data.touched))}
                losses |= {t.name: state.modules[key](batch, towers) for key, t in _keyed(tasks)}
            _finite(losses, state.step)
            if tasks and state.step % weighting.every == 0:
                seen = signals(state.step, losses, towers, weighting.needs, validation)
                state.steering, state.weights = weighting.update(state.steering, seen)
                _record(state, seen.losses)
            loss = sum((state.weights[t.name] * losses[t.name] for t in tasks), losses["primary"])
            state.optimizer.zero_grad()
            torch.autograd.backward(loss)
            state.optimizer.step()
            state.step += 1
            if state.step % data.per_epoch == 0:
                _epoch(state, towers, part, state.step // data.per_epoch)
            if progress is not None:
                progress(state.step, total, _label(state, losses))
            if checkpoint is not None and time.monotonic() - saved > 60 * options.minutes:
                state.save(checkpoint, about)
                saved = time.monotonic()
    except KeyboardInterrupt:
        if checkpoint is not None:
            state.save(checkpoint, about)
        raise
    if state.kept:
        towers.load_state_dict(state.kept)
    towers.eval()
    return state


def begin(
    towers: Towers, split: Split, tasks: tuple[Task, ...], weighting: Weighting, options: Options
) -> State:
    """The state before the first step: modules of the tasks, optimizer, starting weights."""
    modules: dict[str, nn.Module] = {"towers": towers}
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        for key, task in _keyed(tasks):
            modules[key] = task.build(split, towers, options.seed).to(towers.touched.device)
    held = nn.ModuleDict(modules)
    optimizer = torch.optim.Adam(held.parameters(), lr=options.lr, betas=(0.9, 0.99))
    weights = {t.name: float(t.weight) for t in tasks}
    trace = {"step": [], "weights": {n: [] for n in weights}, "losses": {}, "epochs": []}
    return State(held, optimizer, 0, weights, weighting.start(weights), trace=trace)


def _keyed(tasks: tuple[Task, ...]) -> list[tuple[str, Task]]:
    """Module names: a module's name may hold no dot, a task's may."""
    return [(f"task{at}", task) for at, task in enumerate(tasks)]


def _finite(losses: Mapping[str, Tensor], step: int) -> None:
    for name, loss in losses.items():
        if not bool(torch.isfinite(loss)):
            value = float(loss.detach())
            raise NonFiniteLossError(
                f"the loss of {name!r} became {value} at step {step}; lower lr, or the weight of that part"
            )


def _record(state: State, losses: Mapping[str, float]) -> None:
    state.trace["step"].append(state.step)
    for name, value in state.weights.items():
        state.trace["weights"][name].append(value)
    for name, value in losses.items():
        state.trace["losses"].setdefault(name, []).append(value)


def _epoch(state: State, towers: Towers, part: Split | None, epoch: int) -> None:
    """Validate, and keep the towers if they are the best so far."""
    if part is None:
        return
    found = validate(towers, part)
    state.trace["epochs"].append({"epoch": epoch, **found})
    if state.best is None or found["signal"] > state.best:
        state.best, state.best_epoch = found["signal"], epoch
        state.kept = {k: v.detach().clone() for k, v in towers.state_dict().items()}


def _stopped(state: State, data: Batches, options: Options) -> bool:
    epoch = state.step / data.per_epoch
    return state.best is not None and epoch - state.best_epoch >= options.patience


def _precision(options: Options) -> torch.autocast:
    kind = torch.device(options.device).type
    return torch.autocast(kind, torch.bfloat16, enabled=options.precision == "bfloat16")


def _label(state: State, losses: Mapping[str, Tensor]) -> str:
    """Losses with their weights; the last epoch's signal once there is one."""
    parts = [f"{name} {float(loss.detach()):.3g}" for name, loss in losses.items()]
    parts = [
        f"{p} x {state.weights[n]:.2g}" if n in state.weights else p
        for p, n in zip(parts, losses, strict=True)
    ]
    return f"training | {', '.join(parts)}"
