"""Everything a run has reached, as arrays and JSON: what resumes bit for bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sidelight import storage
from sidelight.errors import DataError, complain


@dataclass
class State:
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
    """

    modules: nn.ModuleDict
    optimizer: torch.optim.Optimizer
    step: int = 0
    weights: dict[str, float] = field(default_factory=dict)
    steering: dict[str, Any] = field(default_factory=dict)
    best: float | None = None
    best_epoch: int = 0
    kept: dict[str, torch.Tensor] = field(default_factory=dict)
    trace: dict[str, Any] = field(default_factory=dict)

    def save(self, path: Path, about: str) -> None:
        """Write a checkpoint, whole or not at all.

        Args:
            path: Folder.
            about: What is being trained (a hash); a checkpoint of something else is refused.
        """
        arrays: dict[str, Any] = {f"model/{k}": _array(v) for k, v in self.modules.state_dict().items()}
        arrays |= {f"kept/{k}": _array(v) for k, v in self.kept.items()}
        for at, slots in self.optimizer.state_dict()["state"].items():
            arrays |= {f"optimizer/{at}/{name}": _array(torch.as_tensor(v)) for name, v in slots.items()}
        names = ("step", "weights", "steering", "best", "best_epoch", "trace")
        meta = {"kind": "checkpoint", "about": about, **{name: getattr(self, name) for name in names}}
        storage.write_folder(path, arrays, meta, {}, True)

    def load(self, path: Path, about: str) -> None:
        """Go on from a checkpoint.

        Raises:
            DataError: It belongs to another spec, seed or data set.
        """
        arrays, meta, _ = storage.read_folder(path)
        if meta.get("kind") != "checkpoint" or meta.get("about") != about:
            fix = "remove it, or train with the options and data it was made with"
            raise DataError(complain("a checkpoint of this very training", "one of another", str(path), fix))
        self.modules.load_state_dict(_tensors("model", arrays))
        self.kept = _tensors("kept", arrays)
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in _tensors("optimizer", arrays).items():
            at, _, name = key.partition("/")
            slots.setdefault(int(at), {})[name] = value
        whole = self.optimizer.state_dict()
        self.optimizer.load_state_dict({**whole, "state": slots})
        for name in ("step", "weights", "steering", "best", "best_epoch", "trace"):
            setattr(self, name, meta[name])


def _array(value: torch.Tensor) -> Any:
    return np.array(value.detach().cpu().numpy(), order="C")


def _tensors(prefix: str, arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {k: torch.from_numpy(np.array(v)) for k, v in storage.under(prefix, arrays).items()}
