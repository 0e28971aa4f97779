"""Models that take a matrix, adapted."""

from __future__ import annotations

import doctest

from sidelight.evaluation import order_blind


def test_the_example_of_the_adapter() -> None:
    assert doctest.testmod(order_blind).failed == 0
