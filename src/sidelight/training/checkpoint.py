"""State of a training run, saved as arrays and JSON so that it resumes bit for bit."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sidelight import storage
from sidelight.errors import DataError, complain


@dataclass
class TrainingState:
    """A run in progress. Noise needs no state here: it follows from the seed and the step.

    Args:
        modules: Towers and tasks by name.
        optimizer: Over all their parameters.
        step: Steps done.
        weights: Loss weights in force.
        weighting_state: State of the weighting, JSON-able.
        best: Signal of the best epoch so far, or None.
        best_epoch: Number of that epoch, from 1; 0 = the start.
        best_state: Towers of the best epoch.
        trace: Losses, weights and validation by step and epoch.
        branch_states: Copies of other states that the run returns to, by name.
    """

    modules: nn.ModuleDict
    optimizer: torch.optim.Optimizer
    step: int = 0
    weights: dict[str, float] = field(default_factory=dict)
    weighting_state: dict[str, Any] = field(default_factory=dict)
    best: float | None = None
    best_epoch: int = 0
    best_state: dict[str, Tensor] = field(default_factory=dict)
    trace: dict[str, Any] = field(default_factory=dict)
    branch_states: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def copied(self) -> dict[str, Tensor]:
        """Copy the parameters ("model/...") and the optimizer's slots ("optimizer/AT/NAME")."""
        return {name: value.detach().clone() for name, value in self._parts().items()}

    def put(self, parts: Mapping[str, Tensor]) -> None:
        """Set parameters and optimizer to a copy."""
        self.modules.load_state_dict(storage.under("model", parts))
        slots: dict[int, dict[str, Tensor]] = {}
        for key, value in storage.under("optimizer", parts).items():
            at, _, name = key.partition("/")
            # The optimizer would go on to write into the very tensors that it is given.
            slots.setdefault(int(at), {})[name] = value.clone()
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": slots})

    def save(self, path: Path, config_hash: str) -> None:
        """Write a checkpoint, whole or not at all.

        Args:
            path: Folder.
            config_hash: Hash of spec and data; `load` refuses a checkpoint with another one.
        """
        tensors = {**self._parts(), **storage.placed("best", self.best_state)}
        for name, parts in self.branch_states.items():
            tensors |= storage.placed(f"branch/{name}", parts)
        names = ("step", "weights", "weighting_state", "best", "best_epoch", "trace")
        meta = {name: getattr(self, name) for name in names}
        meta |= {"kind": "checkpoint", "config_hash": config_hash}
        storage.write_folder(path, {k: _array(v) for k, v in tensors.items()}, meta, {}, True)

    def load(self, path: Path, config_hash: str) -> None:
        """Resume from a checkpoint.

        Raises:
            DataError: It was made with another spec, seed or data set.
        """
        arrays, meta, _ = storage.read_folder(path)
        if meta.get("kind") != "checkpoint" or meta.get("config_hash") != config_hash:
            fix = "remove it, or train with the options and data it was made with"
            raise DataError(complain("a checkpoint of this very training", "one of another", str(path), fix))
        tensors = {k: torch.from_numpy(np.array(v)) for k, v in arrays.items()}
        self.put(tensors)
        self.best_state = storage.under("best", tensors)
        self.branch_states = {}
        device = next(self.modules.parameters()).device
        for key, value in storage.under("branch", tensors).items():
            name, _, part = key.partition("/")
            # The optimizer counts its steps on the CPU, wherever the parameters are.
            self.branch_states.setdefault(name, {})[part] = (
                value if part.endswith("/step") else value.to(device)
            )
        for name in ("step", "weights", "weighting_state", "best", "best_epoch", "trace"):
            setattr(self, name, meta[name])

    def _parts(self) -> dict[str, Tensor]:
        parts = storage.placed("model", self.modules.state_dict())
        for at, slots in self.optimizer.state_dict()["state"].items():
            named = {name: torch.as_tensor(value) for name, value in slots.items()}
            parts |= storage.placed(f"optimizer/{at}", named)
        return parts


class Checkpoints:
    """Checkpoint folder of a run, written every few minutes and on Ctrl-C.

    Args:
        path: Folder, or None to keep nothing.
        config_hash: Hash of spec and data.
        minutes: Minutes between two checkpoints.
    """

    def __init__(self, path: Path | None, config_hash: str, minutes: float) -> None:
        self.path, self.config_hash, self.minutes = path, config_hash, minutes
        self.saved = time.monotonic()

    def resume(self, state: TrainingState) -> None:
        """Load the checkpoint if there is one."""
        if self.path is not None and self.path.exists():
            state.load(self.path, self.config_hash)

    def save_when_due(self, state: TrainingState) -> None:
        """Write the state if the last write is long enough ago."""
        if self.path is not None and time.monotonic() - self.saved > 60 * self.minutes:
            state.save(self.path, self.config_hash)
            self.saved = time.monotonic()

    @contextmanager
    def saving_on_interrupt(self, state: TrainingState) -> Iterator[None]:
        """Write the state when Ctrl-C ends the block."""
        try:
            yield
        except KeyboardInterrupt:
            if self.path is not None:
                state.save(self.path, self.config_hash)
            raise


@contextmanager
def defer_interrupt() -> Iterator[None]:
    """Defer SIGINT until the block ends, so checkpoints fall between steps."""
    before = signal.getsignal(signal.SIGINT)
    # Only the main thread is interrupted and may set this; an ignored Ctrl-C stays ignored.
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    signals: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: signals.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if signals:
        before(*signals[0])


def _array(value: Tensor) -> Any:
    return np.array(value.detach().cpu().numpy(), order="C")
