"""Records check themselves."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime

import pytest
from serving.cases import event, shown

from sidelight.errors import DataError
from sidelight.serving.domain import Event, Exposure


def test_other_values_of_a_record_are_checked() -> None:
    with pytest.raises(DataError, match="view, click, purchase, dismissal"):
        event("u", kind="like")
    for at in (datetime(2026, 3, 1), 5, None):
        with pytest.raises(DataError, match="time zone"):
            Event("u", "i", "click", at)  # type: ignore[arg-type]
    for changed in ({"rank": 0}, {"propensity": 0.0}, {"propensity": 1.1}, {"propensity": float("nan")}):
        with pytest.raises(DataError):
            Exposure(**{**vars(shown("u")), **changed})


def test_records_need_no_database() -> None:
    code = "import sys, sidelight.serving.domain; assert 'sqlalchemy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
