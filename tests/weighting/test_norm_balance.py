"""`NormBalance` against its formula."""

from __future__ import annotations

import pytest

from sidelight.weighting.norm_balance import NormBalance
from sidelight.weighting.weighting import Signals


def test_norm_balance_meets_the_norm_of_the_primary() -> None:
    rule = NormBalance(strength=1.0)
    seen = Signals(0, {}, {"primary": 3.0, "a": 0.5, "b": 6.0}, {})
    _, weights = rule.update(rule.start({"a": 1.0, "b": 0.5}), seen)
    assert weights == pytest.approx({"a": 6.0, "b": 0.25})
