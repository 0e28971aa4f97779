"""Findings of the readers: severity and advice come from the registry."""

from __future__ import annotations

import pytest

from sidelight.data.defects import DEFECTS
from sidelight.data.findings import new_finding


@pytest.mark.parametrize("defect", [name for name, d in DEFECTS.items() if d.severity == "error"])
def test_a_value_made_null_is_a_warning_and_a_row_set_aside_an_error(defect: str) -> None:
    assert new_finding(defect, "items", "found none").severity == "warning"
    aside = new_finding(defect, "items", "found none", quarantined=True, row=3, count=2)
    assert (aside.severity, aside.row, aside.count) == ("error", 3, 2)


def test_own_advice_wins_over_that_of_the_registry() -> None:
    assert new_finding("null-id", "users", "found none").fix == DEFECTS["null-id"].fix
    found = new_finding("null-id", "users", "found none", "fill it in", file="users.csv").to_dict()
    assert (found["fix"], found["file"], found["column"]) == ("fill it in", "users.csv", "")


def test_an_unknown_defect_is_an_error() -> None:
    with pytest.raises(KeyError):
        new_finding("no-such-defect", "items", "found none")
