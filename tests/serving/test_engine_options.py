"""Options of the engine."""

from __future__ import annotations

import pytest

from sidelight.errors import SpecError
from sidelight.serving.engine_options import EngineOptions


@pytest.mark.parametrize(
    "wrong", [{"pool": 1}, {"poll": 0}, {"search": "annoy"}, {"recall": 0}, {"batch": 0}]
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(SpecError, match=f"option {next(iter(wrong))!r} of EngineOptions"):
        EngineOptions(**wrong)
