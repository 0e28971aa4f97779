"""The page of a comparison: whole, self-contained, escaped, and nothing of the record left out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from report import made_record
from report.browser import Browser, launched
from report.drawings import inside

from sidelight.errors import DataError, SpecError
from sidelight.report.page import SECTIONS, page, write

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
LOADING = ("src", "href", "xlink:href", "srcset", "action", "data", "poster", "background", "formaction")


class Reader(HTMLParser):
    """A page as elements, text and what does not fit together."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.styles: list[str] = []
        self.trouble: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.trouble.append(f"<{tag}> has an attribute twice: {names}")
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "script":
            self.scripts.append((dict(self.elements[-1][1]), ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.trouble.append(f"</{tag}> at {self.getpos()} inside {self.open[-3:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif inside == "style":
            self.styles.append(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@cache
def shown(shape: str) -> str:
    return page(made_record.SHAPES[shape]())


def read(html: str) -> Reader:
    found = Reader()
    found.feed(html)
    found.close()
    return found


every_shape = pytest.mark.parametrize("shape", made_record.SHAPES)


@every_shape
def test_the_page_is_whole(shape: str) -> None:
    found = read(shown(shape))
    assert found.trouble == [] and found.open == []
    ids = [values["id"] for _, values in found.elements if "id" in values]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if name in SECTIONS] == list(SECTIONS), "the sections in their order"
    for _, values in found.elements:
        for name in values.get("aria-labelledby", "").split():
            assert name in ids
        if values.get("href", "").startswith("#"):
            assert values["href"][1:] in ids
    assert [tag for tag, _ in found.elements].count("h1") == 1


@every_shape
def test_the_page_loads_nothing(shape: str) -> None:
    found = read(shown(shape))
    for tag, values in found.elements:
        for name in set(values) & set(LOADING):
            assert values[name] == "data:," or values[name].startswith("#"), f"<{tag} {name}={values[name]}>"
        assert not any(name.startswith("on") for name in values), tag
        assert "url(" not in values.get("style", "")
    assert len(found.styles) == 1 and not re.search(r"url\(|@import|expression", found.styles[0])
    assert "://" not in shown(shape), "not even a name space needs an address"
    kinds = [values.get("type", "") for values, _ in found.scripts]
    assert kinds == ["application/json", ""]
    assert len(found.scripts[1][1]) < 1000


@every_shape
def test_the_record_is_inside_as_json(shape: str) -> None:
    found = read(shown(shape))
    [(values, text)] = [one for one in found.scripts if one[0].get("type")]
    assert values["id"] == "record"
    assert not set(text) & set("<>&\u2028\u2029")
    inside = json.loads(text)
    given = made_record.SHAPES[shape]()
    assert set(given) <= set(inside)
    if shape != "unsure" and shape != "hostile":
        assert {name: inside[name] for name in given} == json.loads(json.dumps(given))


def plain(value: float) -> str:
    """A figure as the page should show it, written down a second time."""
    digits = 4 if value == 0 or abs(value) >= 0.001 else 6
    return f"{value:.{digits}f}".replace("-", "\u2212")


@pytest.mark.parametrize("shape", ["two", "few", "twelve", "empty"])
def test_every_arm_and_every_number_is_shown(shape: str) -> None:
    record, text = made_record.SHAPES[shape](), read(shown(shape)).text
    for arm in record["arms"]:
        assert arm["name"] in text and arm["spec_hash"][:12] in text
        assert all(line in text for line in arm["differs"])
    for entry in record["figures"]:
        assert plain(entry["mean"]) in text
        if entry["low"] is not None:
            assert f"{plain(entry['low'])} to {plain(entry['high'])}" in text
    for entry in record["differences"]:
        sign = "+" if entry["mean"] > 0 else ""
        assert f"{sign}{plain(entry['mean'])}" in text
        assert plain(entry["p"]) in text and plain(entry["p_holm"]) in text
    for entry in record["exposure"]:
        if entry["keep"] == max(record["keeps"]):
            assert f"{100 * entry['exposure']:.2f} %" in text
    for entry in record["weights"]:
        if entry["keep"] == max(record["keeps"]):
            assert plain(entry["weight"][0]) in text and plain(entry["weight"][-1]) in text
    for person in record["examples"]:
        assert person["user"] in text
        assert all(item["title"] in text for rows in person["lists"].values() for item in rows)
    for value in (record["data"]["fingerprint"], *record["versions"].values(), record["made"]):
        assert value in text
    assert record["answer"]["sentence"].replace(" %", "\u00a0%").split() == [
        word for word in record["answer"]["sentence"].replace(" %", "\u00a0%").split() if word in text
    ]


def test_a_section_without_anything_to_show_says_so() -> None:
    text = read(shown("empty")).text
    for words in (
        "so there is no curve", "No loss weights were recorded", "No examples were recorded",
        "exposure of item groups was not measured", "no new items",
    ):  # fmt: skip
        assert words in text, words
    text = read(shown("nothing")).text
    assert "No differences were measured" in text and "nothing to compare" in text
    assert "nan" not in re.sub(r"\w*nan\w+|\w+nan\w*", "", read(shown("unsure")).text.lower())


def test_what_comes_from_outside_stays_text() -> None:
    record, found = made_record.hostile(), read(shown("hostile"))
    tags = [tag for tag, _ in found.elements]
    assert tags.count("script") == 2 and "img" not in tags and "b" in tags
    for title in ('<script>alert("x")</script>', "A & B < C > D", "{{ 7 * 7 }} {% raw %}"):
        assert title in found.text
    assert record["answer"]["sentence"] in found.text and record["arms"][1]["name"] in found.text
    assert "\ufffd" in found.text and not re.search("[\x00-\x08\ud800-\udfff]", shown("hostile"))
    shown("hostile").encode("utf-8")
    # What turns the direction of a line stays within its own element.
    for turned in re.findall("<[^<>]*>[^<>]*\u202e", shown("hostile")):
        assert re.match(r"<(bdi|text|title|desc|code|span)\b", turned), turned


def test_the_same_record_gives_the_same_page() -> None:
    assert page(made_record.made()) == shown("two")


def test_the_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, place = made_record.made(), tmp_path / "deep" / "report.html"
    assert write(record, place) == place
    assert place.read_text(encoding="utf-8") == shown("two")
    with pytest.raises(SpecError, match="--force"):
        write(record, place)
    place.write_text("old")
    with pytest.raises(DataError):
        write({"kind": "comparison"}, place, force=True)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="No space"):
            write(record, place, force=True)
    assert place.read_text() == "old" and list(place.parent.iterdir()) == [place]
    write(record, place, force=True)
    assert place.read_text(encoding="utf-8") == shown("two")
    with pytest.raises(SpecError, match="a folder"):
        write(record, tmp_path, force=True)


def test_the_page_has_the_charts_of_its_arms() -> None:
    html = page(made_record.few())
    charts_of = {name: re.findall(rf'aria-labelledby="({name}-[\w-]+)-title', html) for name in
                 ("card", "forest", "curve", "weights", "shift")}  # fmt: skip
    assert charts_of == {
        "card": ["card-cold", "card-warm", "card-overall"],
        "forest": ["forest-overall", "forest-cold", "forest-warm"],
        "curve": ["curve-overall", "curve-cold", "curve-warm"],
        "weights": [f"weights-{arm}-{task}" for arm in (0, 1) for task in range(4)],
        "shift": ["shift-0", "shift-1"],
    }
    twelve = page(made_record.twelve())
    assert len(re.findall(r'aria-labelledby="curve-overall-\d+-title', twelve)) == 11
    for drawn in re.findall(r"<svg .*?</svg>", html + twelve, re.S):
        inside(drawn)


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mixed(top: str, under: str, share: float) -> str:
    pairs = [(int(top[at : at + 2], 16), int(under[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_their_ground(scheme: int) -> None:
    style = (resources.files("sidelight.report") / "templates" / "style.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", style, re.S)[scheme]
    colours = dict(re.findall(r"--([\w]+): (#\w{6})", block))
    for name in ("ink", "soft", "up", "down", "calm", "accent", "t3", "t4"):
        for ground in ("paper", "card"):
            assert contrast(colours[name], colours[ground]) >= 4.5, f"{name} on {ground}"
    for name in ("t0", "t1", "t2", "t3", "t4", "chosen"):
        assert contrast(colours[name], colours["card"]) >= 3, name
    for side in ("up", "down"):  # the strongest cell of the matrix
        assert contrast(colours["ink"], mixed(colours[side], colours["card"], 0.42)) >= 4.5, side


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
