"""The page of a comparison: whole, self-contained, escaped, and nothing of the record left out."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from report import made_record

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


@pytest.mark.parametrize(
    ("low", "high", "mark"),
    [
        (0.01, 0.03, "better"),
        (-0.03, -0.01, "worse"),
        (-0.01, 0.03, "no clear difference"),
        (None, 0.03, "no interval"),
    ],
)
def test_the_verdict_is_that_of_the_interval(low: float | None, high: float, mark: str) -> None:
    record = made_record.made()
    record["answer"] |= {"low": low, "high": high}
    [verdict] = re.findall(r'<p class="verdict \w+">.*?</span> (.*?)</p>', page(record))
    assert verdict == mark


def test_what_is_sure_is_marked_by_more_than_colour() -> None:
    record = made_record.made(groups=(), slices=("overall", "cold", "warm"))
    sure, before_holm, unsure = record["differences"]
    sure |= {"mean": 0.02, "low": 0.01, "high": 0.03, "p_holm": 0.001}
    before_holm |= {"mean": -0.02, "low": -0.03, "high": -0.01, "p_holm": 0.2}
    unsure |= {"mean": 0.02, "low": -0.01, "high": 0.05, "p_holm": 0.001}
    cells = re.findall(r'<td class="cell (.*?)" .*?>(.*?)</td>', page(record))
    assert [(kind, re.sub("<.*?>", "", text).split()) for kind, text in cells] == [
        ("up clear", ["+0.0200", "▲"]),
        ("down", ["\u22120.0200"]),
        ("up", ["+0.0200"]),
    ]


def test_a_leak_is_a_banner_and_a_mark_and_no_clear_gain() -> None:
    record = made_record.few()
    arm = record["arms"][1]["name"]
    record["warnings"] = [{"arm": arm, "kind": "leak", "text": "context <b> names the item"}]
    html = page(record)
    [banner] = re.findall(r'<div class="alert" role="alert">.*?</div>', html, re.DOTALL)
    assert "context &lt;b&gt; names the item" in banner and arm in banner
    assert html.count("\u26a0 leak?") > 5 and "may have seen the answer" in html
    assert not re.search(r"Largest clear gain: <bdi[^>]*>" + re.escape(arm) + "<", html)
    assert 'class="alert"' not in shown("few")


def test_rows_of_few_people_are_grey_and_unmarked() -> None:
    record = made_record.made(groups=(), slices=("overall", "cold", "warm"))
    for entry, users in zip(record["differences"], (9, 10, 5000), strict=True):
        entry |= {"mean": 0.02, "low": 0.01, "high": 0.03, "p_holm": 0.001, "users": users}
    html = page(record)
    cells = re.findall(r'<td class="cell (.*?)"', html)
    assert cells == ["none", "up clear", "up clear"] and html.count('<tr class="few">') == 1


def test_costs_power_and_other_baselines_are_on_the_page() -> None:
    record = made_record.few()
    names = [arm["name"] for arm in record["arms"]]
    for run in record["runs"]:
        run |= {"megabytes": 12.5, "milliseconds": 0.25}
    record["answer"]["power"] = {"sentence": "With these 7 users nothing could be shown."}
    others = [{**d, "arm": names[0]} for d in record["differences"] if d["arm"] == names[1]]
    record["against"] = [{"baseline": names[1], "differences": others, "answer": record["answer"]}]
    found = read(page(record))
    assert found.trouble == [] and "12.50" in found.text and "0.25" in found.text
    assert "With these 7 users nothing could be shown." in found.text
    assert [v["name"] for tag, v in found.elements if tag == "details" and "name" in v] == ["baseline"]


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


def test_items_that_come_and_go_are_marked() -> None:
    record = made_record.made()
    old, new = ({"item": f"i{n}", "title": f"title {n}", "new": n == 3, "relevant": n == 2} for n in (1, 3))
    both = {"item": "i2", "title": "title 2", "new": False, "relevant": True}
    lists = {"clicks only": [old, both], "clicks and content": [both, new]}
    record["examples"] = [{"user": "u", "history": [], "lists": lists}]
    rows = re.findall(r'<li class="[^"]*"><span class="title">(.*?)</li>', page(record))
    assert [re.sub("<.*?>", " ", row).split() for row in rows] == [
        ["title", "1", "←", "out"],
        ["title", "2", "✓", "chosen"],
        ["title", "2", "from", "2", "✓", "chosen"],
        ["title", "3", "new", "→", "in"],
    ]


def test_the_same_record_gives_the_same_page() -> None:
    assert page(made_record.made()) == shown("two")


def _without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda record: record.pop(name)


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "kind": (lambda r: r.update(kind="model"), "the record of a comparison; found kind 'model'"),
    "schema": (lambda r: r.update(schema=2), "schema 1; found 2"),
    "unfinished": (lambda r: r.update(finished=False), "one that was cut off"),
    "arms": (_without("arms"), "two or more arms"),
    "twins": (lambda r: r["arms"].append(r["arms"][0]), "two or more arms"),
    "baseline": (lambda r: r.update(baseline="clicks onyl"), "did you mean 'clicks only'"),
    "part": (_without("part"), "a text; found nothing; in the record.part"),
    "keeps": (lambda r: r.update(keeps=[]), "shares of interactions"),
    "arm": (lambda r: r["figures"][2].update(arm="click only"), "figures[2].arm; did you mean 'clicks only'"),
    "share": (lambda r: r["figures"][2].update(keep=0.3), "in figures[2].keep"),
    "text": (lambda r: r["differences"][0].update(mean="x"), "a number; found 'x'; in differences[0].mean"),
    "entry": (lambda r: r["runs"].append(3), "an object; found a int"),
    "table": (lambda r: r.update(exposure={}), "a list; found a dict; in exposure"),
    "twice": (lambda r: r["figures"].append(r["figures"][0]), "each figure once"),
    "weights": (lambda r: r["weights"][0]["step"].pop(), "as many steps as weights"),
    "path": (lambda r: r["weights"][0]["weight"].__setitem__(0, "x"), "in weights[0].weight"),
    "lists": (lambda r: r["examples"][0]["lists"].update({"other": []}), "a list of an arm"),
    "item": (lambda r: r["examples"][0]["history"].append({}), "history[6].item"),
    "answer": (lambda r: r["answer"].update(arm="best"), "in answer.arm"),
    "value": (lambda r: r["data"].update(users={1, 2}), "plain values"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_record_is_refused_in_one_line(what: str) -> None:
    record = copy.deepcopy(made_record.made())
    spoil, said = BAD[what]
    spoil(record)
    with pytest.raises(DataError, match=re.escape(said)) as found:
        page(record)
    assert "\n" not in str(found.value) and str(found.value).startswith("expected ")


@pytest.mark.parametrize("given", [None, [], "x", {}])
def test_what_is_no_record_is_refused(given: Any) -> None:
    with pytest.raises(DataError, match="the record of a comparison"):
        page(given)


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
