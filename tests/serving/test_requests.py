"""Wrong requests are refused when they are made."""

from __future__ import annotations

import pytest

from sidelight.errors import SpecError
from sidelight.serving.requests import RecommendRequest


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "a user or a history; found neither"),
        ({"user": "u", "history": ()}, "a user or a history; found both"),
        ({"user": "u", "k": 0}, "k >= 1"),
        ({"user": "u", "k": True}, "k >= 1"),
        ({"history": "i01"}, "list of str.*option 'history'"),
        ({"user": "u", "candidates": "i01"}, "list of str.*option 'candidates'"),
    ],
)
def test_a_wrong_ask_is_refused_when_it_is_made(wrong, said):
    with pytest.raises(SpecError, match=said):
        RecommendRequest(**wrong)
