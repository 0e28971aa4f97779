"""Shares, times, costs and sources as text, and text that no page may hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.models.top_lists import SOURCES
from sidelight.serving.explorer import template_filters


def test_the_script_calls_the_levels_of_a_slider_as_the_server_does(root: Path) -> None:
    static = root / "src" / "sidelight" / "serving" / "explorer" / "static"
    script = (static / "explorer.js").read_text(encoding="utf-8")
    [found] = re.findall(r"const LEVELS = \[(.*?)\]", script)
    assert re.findall(r'"(.*?)"', found) == list(template_filters.LEVELS)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.031, "3.1\u00a0%"),
        (0.0, "0.0\u00a0%"),
        (0.0001, "less than 0.1\u00a0%"),
        (1.0, "100.0\u00a0%"),
        (None, "\u2013"),
        (float("nan"), "\u2013"),
    ],
)
def test_shares(value: float | None, said: str) -> None:
    assert template_filters.percent(value) == said


def test_costs() -> None:
    assert template_filters.cost(0.031) == "These rules give up 3.1\u00a0% of predicted relevance."
    assert "cost nothing" in template_filters.cost(0.0) and template_filters.saving(0.0) == "Costs nothing"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0042, "4.2 ms"), (0.15, "150 ms"), (2.34, "2.3 s"), (45, "45 s"), (300, "5 minutes"),
     (7200, "2 hours"), (400_000, "5 days"), (None, "\u2013")],
)  # fmt: skip
def test_durations(value: float | None, said: str) -> None:
    assert template_filters.seconds(value).replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("place", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
     (21, "21st"), (102, "102nd"), (111, "111th"), (1001, "1,001st")],
)  # fmt: skip
def test_places(place: int, said: str) -> None:
    assert template_filters.ordinal(place) == said


def test_moments_are_told_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert template_filters.when(datetime(2026, 7, 1, 1, 30, tzinfo=east)) == "2026-06-30 23:30 UTC"
    assert template_filters.when(datetime(2026, 7, 1, tzinfo=UTC).isoformat()) == "2026-07-01 00:00 UTC"
    assert template_filters.when(None) == "\u2013" and template_filters.when("once") == "once"


def test_times_of_the_data_are_microseconds() -> None:
    assert template_filters.moment(1_484_179_200_000_000) == "2017-01-12 00:00 UTC"
    assert template_filters.moment("2026-07-01T08:30:00") == "2026-07-01 08:30 UTC"
    assert template_filters.moment(10**18) == str(10**18) and template_filters.moment(None) == "\u2013"


def test_every_source_of_a_list_has_words_of_its_own() -> None:
    said = [template_filters.source(name) for name in SOURCES]
    assert len(set(said)) == len(SOURCES)
    assert all(name not in text for name, text in zip(SOURCES, said, strict=True) if ":" in name)


def test_attributes_read_as_words() -> None:
    assert [template_filters.with_context(w) for w in ("shelf=sea", "salt", "=", "a=b=c")] == [
        "shelf: sea", "salt", "=", "a: b=c",
    ]  # fmt: skip


@given(st.floats(0, 1))
def test_sliders_have_words(value: float) -> None:
    assert template_filters.level(value) in template_filters.LEVELS and (
        template_filters.level(value) == "off"
    ) == (value == 0)


@given(st.text(st.characters(), max_size=30))
def test_no_control_characters_reach_a_page(text: str) -> None:
    found = template_filters.clean(text)
    assert len(found) == len(text) and not set(found) & set(map(chr, [*range(9), 11, 27, 127, 0xD800]))
    found.encode("utf-8")
    assert template_filters.clean(7) == 7


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "\u2013"), (True, "yes"), (2002.0, "2002"), (float("inf"), "\u2013"), (["a", "b"], "a, b"),
        (1234567.0, "1234567"), (0.1 + 0.2, "0.3"),
        ([], "\u2013"), ([0.1, 0.2], "2 numbers"), (b"1234", "an image of 4 B"), ("x", "x"), (3, "3"),
    ],
)  # fmt: skip
def test_cells(value: object, said: str) -> None:
    assert template_filters.cell(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(12, "12 B"), (148_000, "148 kB"), (2_500_000, "2.5 MB"), (3e9, "3.0 GB")]
)
def test_sizes(value: float, said: str) -> None:
    assert template_filters.size(value) == said
