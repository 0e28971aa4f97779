"""Ticks of axes: round, few, within, and told apart by their decimals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidelight.report import svg


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e6))
def test_ticks_are_round_few_and_within(low: float, width: float) -> None:
    found = svg.ticks(low, low + width)
    assert len(found) <= 8
    assert (
        all(low - 1e-6 * width <= tick <= low + width * (1 + 1e-6) for tick in found)
        or width < abs(low) * 1e-9
    )
    assert found == sorted(found)


def test_ticks_have_the_decimals_that_tell_them_apart() -> None:
    assert svg.ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert svg.tick_texts([-0.005, 0, 0.005]) == ["\u22120.005", "0.000", "0.005"]
    assert svg.tick_texts([0, 50, 100]) == ["0", "50", "100"]
