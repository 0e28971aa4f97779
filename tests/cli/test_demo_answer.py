"""The demo's answer: decided by the interval, with the smallest visible difference."""

from __future__ import annotations

import numpy as np
import pytest

from sidelight.cli import demo_answer


@pytest.mark.parametrize(
    ("low", "high", "begins"),
    [(0.001, 0.003, "Yes"), (-0.003, -0.001, "No"), (-0.001, 0.003, "It cannot"), (0.0, 0.0, "It cannot")],
)
def test_the_interval_decides_what_is_said(low: float, high: float, begins: str) -> None:
    text = demo_answer.sentence((low + high) / 2, low, high, 1_234, 0.02, "ndcg@20")
    assert text.startswith(begins) and "1,234 households" in text
    assert f"{low:+.4f} to {high:+.4f}" in text and f"{demo_answer.visible(low, high):.4f}" in text


def test_the_least_that_could_be_seen_is_seen_four_times_in_five() -> None:
    error = 0.0007
    least = demo_answer.visible(-1.96 * error, 1.96 * error)
    found = least + error * np.random.default_rng(0).standard_normal(100_000)
    assert np.mean(found - 1.96 * error > 0) == pytest.approx(0.8, abs=0.01)
