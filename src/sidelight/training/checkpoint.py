"""Everything a run has reached, as arrays and JSON: what resumes bit for bit."""

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
        steering: State of the weighting, JSON-able.
        best: Signal of the best epoch so far, or None.
        best_epoch: Which one, from 1; 0 = the start.
        kept: Towers of the best epoch.
        trace: Losses, weights and validation by step and epoch.
        held: Other places that the run has to come back to, each as `copied` gave it.
    """

    modules: nn.ModuleDict
    optimizer: torch.optim.Optimizer
    step: int = 0
    weights: dict[str, float] = field(default_factory=dict)
    steering: dict[str, Any] = field(default_factory=dict)
    best: float | None = None
    best_epoch: int = 0
    kept: dict[str, Tensor] = field(default_factory=dict)
    trace: dict[str, Any] = field(default_factory=dict)
    held: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def copied(self) -> dict[str, Tensor]:
        """Parameters ("model/...") and the optimizer's slots ("optimizer/AT/NAME"), as copies."""
        return {name: value.detach().clone() for name, value in self._parts().items()}

    def put(self, parts: Mapping[str, Tensor]) -> None:
        """Make parameters and optimizer those that `copied` gave."""
        self.modules.load_state_dict(storage.under("model", parts))
        slots: dict[int, dict[str, Tensor]] = {}
        for key, value in storage.under("optimizer", parts).items():
            at, _, name = key.partition("/")
            # The optimizer would go on to write into the very tensors that it is given.
            slots.setdefault(int(at), {})[name] = value.clone()
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": slots})

    def save(self, path: Path, about: str) -> None:
        """Write a checkpoint, whole or not at all.

        Args:
            path: Folder.
            about: What is being trained (a hash); a checkpoint of something else is refused.
        """
        tensors = {**self._parts(), **storage.placed("kept", self.kept)}
        for name, parts in self.held.items():
            tensors |= storage.placed(f"held/{name}", parts)
        names = ("step", "weights", "steering", "best", "best_epoch", "trace")
        meta = {"kind": "checkpoint", "about": about, **{name: getattr(self, name) for name in names}}
        storage.write_folder(path, {k: _array(v) for k, v in tensors.items()}, meta, {}, True)

    def load(self, path: Path, about: str) -> None:
        """Go on from a checkpoint.

        Raises:
            DataError: It belongs to another spec, seed or data set.
        """
        arrays, meta, _ = storage.read_folder(path)
        if meta.get("kind") != "checkpoint" or meta.get("about") != about:
            fix = "remove it, or train with the options and data it was made with"
            raise DataError(complain("a checkpoint of this very training", "one of another", str(path), fix))
        tensors = {k: torch.from_numpy(np.array(v)) for k, v in arrays.items()}
        self.put(tensors)
        self.kept = storage.under("kept", tensors)
        self.held = {}
        device = next(self.modules.parameters()).device
        for key, value in storage.under("held", tensors).items():
            name, _, part = key.partition("/")
            # The optimizer counts its steps on the CPU, wherever the parameters are.
            self.held.setdefault(name, {})[part] = value if part.endswith("/step") else value.to(device)
        for name in ("step", "weights", "steering", "best", "best_epoch", "trace"):
            setattr(self, name, meta[name])

    def _parts(self) -> dict[str, Tensor]:
        parts = storage.placed("model", self.modules.state_dict())
        for at, slots in self.optimizer.state_dict()["state"].items():
            named = {name: torch.as_tensor(value) for name, value in slots.items()}
            parts |= storage.placed(f"optimizer/{at}", named)
        return parts


class Checkpoints:
    """Where a run goes on from, and where it is written every few minutes and on Ctrl-C.

    Args:
        path: Folder, or None to keep nothing.
        about: Hash of what is trained.
        minutes: Between two checkpoints.
    """

    def __init__(self, path: Path | None, about: str, minutes: float) -> None:
        self.path, self.about, self.minutes = path, about, minutes
        self.saved = time.monotonic()

    def resume(self, state: TrainingState) -> None:
        """Load what is there, if anything is."""
        if self.path is not None and self.path.exists():
            state.load(self.path, self.about)

    def save_when_due(self, state: TrainingState) -> None:
        """Write the state if the last time is long enough ago."""
        if self.path is not None and time.monotonic() - self.saved > 60 * self.minutes:
            state.save(self.path, self.about)
            self.saved = time.monotonic()

    @contextmanager
    def saving_on_interrupt(self, state: TrainingState) -> Iterator[None]:
        """Write the state when Ctrl-C ends the block."""
        try:
            yield
        except KeyboardInterrupt:
            if self.path is not None:
                state.save(self.path, self.about)
            raise


@contextmanager
def defer_interrupt() -> Iterator[None]:
    """A block that Ctrl-C waits for: what is saved then is never half a step."""
    before = signal.getsignal(signal.SIGINT)
    # Only the main thread is interrupted and may set this; an ignored Ctrl-C stays ignored.
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    came: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        before(*came[0])


def _array(value: Tensor) -> Any:
    return np.array(value.detach().cpu().numpy(), order="C")
