"""`TrainingOptions` checks its ranges and accepts its former names."""

from __future__ import annotations

import pytest

import sidelight as sl
from sidelight import config
from sidelight.errors import SpecError


def test_shares_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(SpecError, match="smallest <= largest"):
        sl.TrainingOptions(input_share=(0.9, 0.3))


def test_former_names_are_read_from_text_and_warn_in_python() -> None:
    assert config.from_dict({"use": "Options", "steps": 3}) == sl.TrainingOptions(min_steps=3)
    with pytest.warns(DeprecationWarning, match="is now min_steps"):
        assert sl.TrainingOptions(steps=3) == sl.TrainingOptions(min_steps=3)  # type: ignore[call-arg]
