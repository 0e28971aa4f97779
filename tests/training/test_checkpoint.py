"""Checkpoints: SIGINT waits for the end of a step."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")

from sidelight.training.checkpoint import defer_interrupt  # noqa: E402


@pytest.fixture(autouse=True)
def ctrl_c_interrupts() -> Iterator[None]:
    """A shell starts what runs in the background with SIGINT ignored; these tests are about it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_unbroken_block_is_ended_before_ctrl_c_is_felt() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), defer_interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        done.append(1)
    assert done == [1]
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
