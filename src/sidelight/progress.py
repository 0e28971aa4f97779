"""Progress reports of long work: one callback type for fitting, encoding, evaluation and downloads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int, str], None]
"""Callback `(done, total, label)`. `total` 0 means that the end is not known. What stands before " | " in a
label names the work; what follows may change from call to call."""


def ignore_progress(done: int, total: int, label: str) -> None:
    """Accept a progress report and show nothing: `report = progress or ignore_progress`."""


def prefixed(progress: Progress | None, prefix: str) -> Progress | None:
    """Return a callback that puts a prefix before each label; None where there is none to call.

    Args:
        progress: Callback to pass reports on to.
        prefix: Name of the part that is at work, e.g. "EASE".
    """
    if progress is None:
        return None
    return lambda done, total, label: progress(done, total, f"{prefix}: {label}")
