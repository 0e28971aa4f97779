"""The registry of scorers that a bundle may name."""

from __future__ import annotations

import numpy as np
import pytest
from made_markov import AfterLast

from sidelight import renamed
from sidelight.errors import BundleError, SpecError
from sidelight.models.restore import SHIPPED, register_scorer, restore_scorer


def test_a_scorer_of_another_package_is_restored_once_it_is_registered() -> None:
    again = restore_scorer("AfterLast", *AfterLast(np.array([1, 0])).state())
    assert isinstance(again, AfterLast) and again.following.tolist() == [1, 0]


def test_former_names_are_restored_as_the_present_class() -> None:
    assert set(renamed.SCORERS.values()) <= set(SHIPPED)
    again = restore_scorer("Constant", {"values": np.ones(3, np.float32)}, {})
    assert type(again).__name__ == "ConstantScorer"


def test_an_unknown_name_says_what_to_import() -> None:
    with pytest.raises(BundleError, match=r"unknown scorer 'AfterLost'.*AfterLast.*register_scorer"):
        restore_scorer("AfterLost", {}, {})


def test_a_name_that_is_taken_is_refused() -> None:
    for name in ("ALSScorer", "Mixture", "AfterLast"):
        with pytest.raises(SpecError, match="a name of its own"):
            register_scorer(type(name, (), {"__module__": "elsewhere"}))
