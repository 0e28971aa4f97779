"""Explanations as text: what is named, from which share on, and in which order."""

from __future__ import annotations

import pytest

from sidelight.models.explanation import (
    CONTEXT,
    EVERYBODY,
    LEAST_SHARE,
    PERSONAL_SHARE,
    REST,
    USER,
    WHOLE,
    Explanation,
)

FULL = Explanation(
    "i1", 2.0, popularity=0.05, user=0.2, context=-0.3, history=(("i2", "a tent", 0.5), ("i3", "", 0.15)),
    rest=0.4, words=(("tent", 0.25), ("rope", 0.125)),
)  # fmt: skip


def test_reasons_are_all_parts_the_largest_first() -> None:
    assert FULL.reasons == (
        ("a tent", 0.5), (REST, 0.4), (CONTEXT, -0.3), (USER, 0.2), ("i3", 0.15), (EVERYBODY, 0.05),
    )  # fmt: skip


def test_causes_are_those_that_speak_for_it_beside_popularity() -> None:
    assert FULL.because == (("a tent", 0.5), (USER, 0.2), ("i3", 0.15))


def test_an_explanation_is_one_line() -> None:
    assert str(FULL) == (
        f"i1: because of a tent (50%) and {USER} (20%) and i3 (15%); {REST}: 40%; {CONTEXT}: -30%; "
        f"{EVERYBODY}: 5% (shared: tent (25%), rope (12%))"
    )


def test_without_a_part_nothing_speaks_for_it() -> None:
    empty = Explanation("i1")
    assert (empty.reasons, empty.because) == ((), ())
    assert str(empty) == "i1: nothing speaks for it or against it"


@pytest.mark.parametrize("sign", [1, -1])
def test_shares_are_named_from_their_limits_on(sign: int) -> None:
    shown, hidden = (Explanation(popularity=sign * share).reasons for share in (LEAST_SHARE, LEAST_SHARE / 2))
    assert shown == ((EVERYBODY, sign * LEAST_SHARE),) and hidden == ()
    assert Explanation(user=PERSONAL_SHARE).because == () == Explanation(user=-0.9).because
    assert Explanation(user=PERSONAL_SHARE + 1e-6).because


def test_many_small_items_are_a_cause_together() -> None:
    small = tuple((f"i{n}", "", 0.04) for n in range(3))
    assert Explanation(history=small, rest=0.3).because == ((WHOLE, pytest.approx(0.42)),)
    assert Explanation(history=small, rest=-0.1).because == ()
