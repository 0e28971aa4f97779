"""Rows of a list: bars, reasons, places moved, and the sentence about two lists."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.models.explanation import CONTEXT, EVERYBODY, USER, WHOLE, Explanation
from sidelight.models.top_lists import SOURCES
from sidelight.serving.explorer import template_filters
from sidelight.serving.explorer.view_models import moved, movement, rows
from sidelight.serving.responses import RankedItem, RecommendResponse

names = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=8)


def listed(name: str, rank: int, **more: object) -> RankedItem:
    given = {"title": f"Title {name}", "score": 1.0 / rank, "source": "personal"} | more
    return RankedItem(item_id=name, rank=rank, **given)  # type: ignore[arg-type]


def answer(order: list[str]) -> RecommendResponse:
    return RecommendResponse("v", "r", tuple(listed(name, at + 1) for at, name in enumerate(order)))


def test_bars_are_against_the_highest_score_wherever_it_stands() -> None:
    given = [listed("a", 1, score=2.0), listed("b", 2, score=4.0), listed("c", 3, score=-1.0)]
    assert [(row.bar, row.score) for row in rows(given)] == [(50, "2.00"), (100, "4.00"), (0, "\u22121.00")]
    assert [row.bar for row in rows([listed("a", 1, score=0.0)])] == [None], "no evidence, no bar"
    assert rows([]) == []


def why(**parts: object) -> Explanation:
    return Explanation("a", 1.0, **parts)  # type: ignore[arg-type]


def test_the_line_under_a_title_names_causes_and_the_reasons_all_shares() -> None:
    history = (("x", "First", 0.5), ("y", "Second", 0.15), ("z", "Third", 0.05), ("w", "Fourth", -0.06))
    told = why(history=history, popularity=0.3, rest=0.06, words=(("shelf=sea", 0.2), ("salt", 0.014)))
    [row] = rows([listed("a", 1, why=told)])
    assert [(one.title, one.text) for one in row.because] == [
        ("First", "50\u00a0%"), ("Second", "15\u00a0%"),
    ]  # fmt: skip
    assert row.source == "" and sum(one.share for one in row.reasons) == 100
    assert (row.reasons[1].title, row.reasons[1].share) == (EVERYBODY, 30)
    assert [one.text for one in row.reasons if one.share < 0] == ["\u22126\u00a0%"]
    assert [(one.title, one.share) for one in row.carried] == [("shelf: sea", 20), ("salt", 1)]
    long = (("x", "A" * 40, 0.6), ("y", "B" * 40, 0.4))
    assert len(rows([listed("a", 1, why=why(history=long))])[0].because) == 1, "long titles are named singly"


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({"user": 0.4, "popularity": 0.6}, USER),
        ({"context": 0.4, "popularity": 0.6}, CONTEXT),
        ({"history": tuple((n, n, 0.05) for n in "abc"), "rest": 0.25, "popularity": 0.6}, WHOLE),
        ({"history": (("x", "First", 0.05),), "rest": 0.05, "popularity": 0.9}, None),
        ({"user": 0.02, "history": (("x", EVERYBODY, 0.03),), "popularity": 0.95}, None),
    ],
)
def test_only_what_is_known_and_counts_is_a_cause(parts: dict[str, object], cause: str | None) -> None:
    told = why(**parts)
    [row] = rows([listed("a", 1, why=told, source="personal" if cause else "popular")])
    assert [one.title for one in row.because] == ([cause] if cause else [])
    share = round(100 * told.popularity)
    assert row.source == ("" if cause else f"{EVERYBODY}: {share}\u00a0%")


@pytest.mark.parametrize("source", SOURCES)
def test_sources_are_said_in_words(source: str) -> None:
    [row] = rows([listed("a", 1, source=source)])
    assert (
        row.source == template_filters.source(source)
        and row.because == ()
        and "known of this person" not in row.source
    )
    [row] = rows([listed("a", 1, source=source, explored=True)])
    assert "learn" in row.source


def test_an_item_without_a_title_is_called_by_its_id() -> None:
    assert rows([listed("a", 1, title="")])[0].title == "a"


@given(names, names)
def test_what_moved_adds_up(one: list[str], other: list[str]) -> None:
    shown, left = moved(answer(one), answer(other))
    assert [row.item_id for row in shown] == one
    assert {row.item_id for row in left} == set(other) - set(one)
    for row in shown:
        assert row.entered is (row.item_id not in other)
        if not row.entered:
            assert row.move == other.index(row.item_id) - one.index(row.item_id)
    told = movement(shown, left)
    if one == other:
        assert told in ("Both lists are the same.", "There is nothing to compare.")
    else:
        counts = [sum((r.move or 0) > 0 for r in shown), sum((r.move or 0) < 0 for r in shown)]
        counts += [sum(r.entered for r in shown), len(left)]
        assert [int(n) for n in re.findall(r"\d+", told)] == [n for n in counts if n]
