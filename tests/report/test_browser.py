"""The page in a browser: no error on the console, nothing loaded, nothing wider than the window."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from report import made_record
from report.browser import Browser, launched

from sidelight.report.page import write


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with launched(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("shape", made_record.SHAPES)
def test_the_page_fits_and_is_quiet(browser: Browser, tmp_path: Path, shape: str, width: int) -> None:
    place = write(made_record.SHAPES[shape](), tmp_path / "report.html")
    browser.open(place, width, dark=width == 390)
    # What is folded away has to fit as well.
    browser.value("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.troubles() == []
    assert browser.requests() == [place.resolve().as_uri()]
    small = browser.value(
        "[...document.querySelectorAll('.chart text')].filter(t => t.getBoundingClientRect().height > 0"
        " && parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a < 9).map(t => t.textContent)"
    )
    assert small == [], "text that is too small to read"


def test_colours_follow_the_scheme_and_the_contents_stay(browser: Browser, tmp_path: Path) -> None:
    place = write(made_record.few(), tmp_path / "report.html")
    ground = {}
    for dark in (False, True):
        browser.open(place, 1280, dark=dark)
        ground[dark] = browser.value("getComputedStyle(document.body).backgroundColor")
    assert ground[False] != ground[True]
    browser.value("window.scrollTo({top: 3000, behavior: 'instant'})")
    assert browser.value("document.querySelector('.contents').getBoundingClientRect().top") == 0


def test_the_record_can_be_taken_from_the_page(browser: Browser, tmp_path: Path) -> None:
    record = made_record.few()
    browser.open(write(record, tmp_path / "report.html"), 1280)
    inside = browser.value("document.getElementById('record').textContent")
    assert json.loads(inside)["figures"] == json.loads(json.dumps(record["figures"]))
    assert browser.value("document.getElementById('copy').hidden") is False
    browser.value("document.getElementById('copy').click()")
    assert browser.troubles() == []


def test_a_page_that_is_wrong_would_be_noticed(browser: Browser, tmp_path: Path) -> None:
    place = tmp_path / "wrong.html"
    place.write_text("<!doctype html><div style='width: 2000px'>x</div><script>nothing.here()</script>")
    browser.open(place, 390)
    assert browser.value("document.documentElement.scrollWidth") > 390
    assert browser.troubles()
