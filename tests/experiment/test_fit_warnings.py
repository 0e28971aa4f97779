"""Warnings of fits: part of the run, repeated when it is loaded."""

from __future__ import annotations

import warnings

import pytest

from sidelight.experiment.column_leaks import LeakWarning
from sidelight.experiment.fit_warnings import FitWarning, collect_warnings, repeat_warnings


def test_a_text_is_collected_once_and_those_for_developers_pass() -> None:
    with pytest.warns(DeprecationWarning, match="old"), collect_warnings() as notes:
        warnings.warn("few  clicks", UserWarning, stacklevel=1)
        warnings.warn("few clicks", UserWarning, stacklevel=1)
        warnings.warn("column", LeakWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert notes == [{"kind": "fit", "text": "few clicks"}, {"kind": "leak", "text": "column"}]
    with pytest.warns(UserWarning) as caught:
        repeat_warnings("arm", notes)
    assert [(each.category, str(each.message)) for each in caught] == [
        (FitWarning, "arm: few clicks"),
        (LeakWarning, "arm: column"),
    ]
