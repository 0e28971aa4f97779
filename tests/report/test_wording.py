"""Numbers, slices and groups in words."""

from __future__ import annotations

import pytest

from sidelight.report import wording


@pytest.mark.parametrize(
    ("value", "number", "signed", "short"),
    [
        (0.12345, "0.1235", "+0.1235", "+0.1235"),
        (-0.5, "\u22120.5000", "\u22120.5000", "\u22120.5000"),
        (0.0, "0.0000", "0.0000", "0.0000"),
        (-0.00012345, "\u22120.000123", "\u22120.000123", "\u22120.0001"),
        (None, "\u2013", "\u2013", "\u2013"),
    ],
)
def test_numbers_are_written_alike(value: float | None, number: str, signed: str, short: str) -> None:
    assert (wording.number(value), wording.signed(value), wording.short(value)) == (number, signed, short)


def test_groups_are_told_in_words() -> None:
    assert wording.group("item:popularity=1-4").label == "1\u20134"
    assert wording.phrase("item:popularity=0") == "items that no user chose in training"
    assert wording.phrase("user:city=New-York") == "users with city New-York"
    assert wording.group("odd").family == "Other groups" and wording.phrase("cold") == "new items"
