"""The demo's answer: decided by the interval, with the smallest visible difference."""

from __future__ import annotations

import pytest

from sidelight.cli import demo_answer
from sidelight.experiment.to_record import smallest_visible


@pytest.mark.parametrize(
    ("low", "high", "begins"),
    [(0.001, 0.003, "Yes"), (-0.003, -0.001, "No"), (-0.001, 0.003, "It cannot"), (0.0, 0.0, "It cannot")],
)
def test_the_interval_decides_what_is_said(low: float, high: float, begins: str) -> None:
    text = demo_answer.sentence((low + high) / 2, low, high, 1_234, 0.02, "ndcg@20")
    assert text.startswith(begins) and "1,234 households" in text
    assert f"{low:+.4f} to {high:+.4f}" in text and f"{smallest_visible(low, high):.4f}" in text
