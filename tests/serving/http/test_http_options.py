"""Options of HTTP are checked."""

from __future__ import annotations

import pytest

from sidelight.errors import SpecError
from sidelight.serving.http.http_options import HttpOptions


def test_options_are_checked() -> None:
    for wrong in (
        {"port": 65536},
        {"deadline": 0},
        {"max_k": 100_000},
        {"rate": -1},
        {"queue": -1},
        {"grace": float("inf")},
    ):
        with pytest.raises(SpecError):
            HttpOptions(**wrong)
