"""Record of a blend as text: what was measured, what is prior, and which parts are left."""

from __future__ import annotations

from typing import Any

import pytest

from sidelight.models.blend_choices import summary

CHOICES: dict[str, Any] = {
    "k": 20,
    "evidence": {"how": "1,234 events of validation"},
    "parts": [
        {"part": "EASE", "cold": 0.0, "warm": 0.75},
        {"part": "ContentKNN", "cold": 1.0, "warm": 0.256},
    ],
    "cold": {"measured": False, "users": 0, "gain": 0.0},
    "warm": {"measured": True, "users": 1500, "gain": 0.01236},
    "knots": "measured at 1, 3",
    "demand": {"share": 0.126, "how": "new items of the last month"},
    "notes": ["first", "second"],
}


def test_each_line_says_what_it_rests_on() -> None:
    assert summary(CHOICES).splitlines() == [
        "  chosen on: 1,234 events of validation",
        "  cold items (prior): ContentKNN 1",
        "  warm items (measured on 1,500 users, NDCG@20 +0.0124 over the prior): EASE 0.75, ContentKNN 0.26",
        "  short histories: measured at 1, 3",
        "  new items: 12.6% of the places aimed at (new items of the last month)",
        "  note: first",
        "  note: second",
    ]


def test_a_loss_against_the_prior_has_its_sign() -> None:
    worse = {**CHOICES, "warm": {"measured": True, "users": 3, "gain": -0.5}}
    assert "measured on 3 users, NDCG@20 -0.5000 over the prior" in summary(worse)


@pytest.mark.parametrize("parts", [[], [{"part": "EASE", "cold": 0.0, "warm": 0.0}]])
def test_a_side_without_a_part_says_so(parts: list[dict[str, Any]]) -> None:
    lines = summary({**CHOICES, "parts": parts, "notes": []}).splitlines()
    assert lines[1].endswith(": none") and lines[2].endswith(": none") and len(lines) == 5


def test_an_empty_record_is_no_text() -> None:
    assert summary({}) == ""
