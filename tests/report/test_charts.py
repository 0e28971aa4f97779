"""Charts: as many marks as values, inside their frame, readable in both colour schemes."""

from __future__ import annotations

import re
from importlib import resources
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report import made_record

from sidelight.report import charts, curves, svg, wording
from sidelight.report.charts import ForestRow
from sidelight.report.curves import Point, Series
from sidelight.report.page import page


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)


def marked(drawing: str, *classes: str) -> list[ElementTree.Element]:
    """Elements that have all of these classes."""
    return [e for e in parsed(drawing).iter() if set(classes) <= set(e.get("class", "").split())]


def inside(drawing: str) -> None:
    """Every place is within the frame: nothing is cut off or drawn over a neighbour."""
    root = parsed(drawing)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        places = [(float(element.get(x, 0)), float(element.get(y, 0))) for x, y in
                  (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy"))]  # fmt: skip
        places += [tuple(map(float, p.split(","))) for p in element.get("points", "").split()]
        for x, y in places:
            assert -0.5 <= x <= width + 0.5 and -0.5 <= y <= height + 0.5, ElementTree.tostring(element)


ROWS = [
    ForestRow("better", 0.02, 0.01, 0.03, "better"),
    ForestRow("worse <b>", -0.02, -0.03, -0.01, "worse"),
    ForestRow("neither", 0.001, -0.01, 0.012, "unclear"),
    ForestRow("no interval", 0.005),
    ForestRow("a name that is far too long for the room that there is", None),
]


def test_a_forest_has_a_mark_and_a_line_for_each_difference() -> None:
    drawn = charts.forest("f", "Title & more", ROWS)
    inside(drawn)
    assert len(marked(drawn, "point")) == 4 and len(marked(drawn, "whisker")) == 3
    assert len(marked(drawn, "row")) == len(ROWS) == len(marked(drawn, "zero"))
    shapes = {kind: marked(drawn, "point", kind)[0].tag for kind in ("better", "worse", "unclear")}
    assert shapes == {"better": "polygon", "worse": "polygon", "unclear": "circle"}
    assert marked(drawn, "point", "better")[0].get("points") != marked(drawn, "point", "worse")[0].get(
        "points"
    )
    zero = float(marked(drawn, "zero")[0].attrib["x1"])
    low, high = (float(marked(drawn, "whisker", "better")[0].attrib[x]) for x in ("x1", "x2"))
    assert zero < low < high
    texts = [e.text for e in parsed(drawn).iter("text")]
    assert "+0.0200 ▲" in texts and any(t.endswith("…") for t in texts)


def test_drawings_say_what_they_show() -> None:
    drawn = charts.forest("f", "Title & more", ROWS)
    root = parsed(drawn)
    assert root.attrib["role"] == "img" and root.attrib["aria-labelledby"] == "f-title f-desc"
    assert root.findtext("title") == "Title & more"
    assert all(row.label in root.findtext("desc") for row in ROWS)


def test_slots_and_shift_have_a_mark_for_each_share() -> None:
    rows = [
        ForestRow("base", 0.02, 0.01, 0.03),
        ForestRow("other", 0.15, 0.14, 0.16),
        ForestRow("unknown", None),
    ]
    drawn = charts.slots("s", "Slots", rows, 0.23)
    inside(drawn)
    assert len(marked(drawn, "bar")) == 2 and len(marked(drawn, "bar", "base")) == 1
    assert len(marked(drawn, "chosen")) == 1 + len(rows)
    assert len(marked(charts.slots("s", "Slots", rows, None), "chosen")) == 0
    widths = [float(bar.attrib["width"]) for bar in marked(drawn, "bar")]
    assert widths[1] / widths[0] == pytest.approx(7.5, rel=0.05)
    groups = [ForestRow("new", 0.2, other=0.02, chosen=0.23), ForestRow("old", 0.8, other=0.98, chosen=None)]
    drawn = charts.shift("m", "Shift", groups, 1.0)
    inside(drawn)
    assert [len(marked(drawn, *kind)) for kind in (("point", "after"), ("point", "hollow"), ("chosen",))] == [
        2,
        2,
        1,
    ]


KEEPS = (0.05, 0.1, 0.2, 0.5, 1.0)


def series(label: str, tone: int, values: list[float | None]) -> Series:
    points = [
        Point(k, v, None if v is None else v - 0.01, None if v is None else v + 0.01)
        for k, v in zip(KEEPS, values, strict=True)
    ]
    return Series(label, f"tone-{tone}", "circle", points)


def test_a_curve_has_a_point_for_each_value_and_a_band_for_each_arm() -> None:
    levels = [series("a", 0, [0.1, 0.12, 0.14, 0.15, 0.2]), series("b", 1, [0.2, None, 0.3, 0.31, 0.32])]
    gains = [series("b", 1, [0.1, None, 0.16, 0.16, 0.12])]
    ends = curves.ends_of(curves.values_of(levels)), curves.ends_of(curves.values_of(gains), zero=True)
    drawn = curves.curve("c", "Curve", levels, gains, "NDCG@20", ends)
    inside(drawn)
    assert len(marked(drawn, "dot")) == 5 + 4 + 4
    assert len(marked(drawn, "series")) == len(marked(drawn, "band")) == 3
    at = [float(dot.attrib["cx"]) for dot in marked(drawn, "dot")[:5]]
    steps = np.diff(at)
    # A log axis: halving takes the same room wherever it is.
    assert steps[0] == pytest.approx(steps[1], abs=0.3) and steps[1] == pytest.approx(steps[3], abs=0.3)


def test_weights_have_a_line_for_each_seed_and_one_for_the_mean() -> None:
    runs = [([0, 10, 20], [1.0, 0.5, 0.25]), ([0, 20], [0.5, 0.25]), ([0, 10], [None, None])]
    drawn = curves.weights("w", "Weights", runs, ((0, 20), (0.0, 1.0)))
    inside(drawn)
    assert len(marked(drawn, "seed")) == 2 and len(marked(drawn, "series")) == 1
    known = [
        (np.array([0.0, 10, 20]), np.array([1.0, 0.5, 0.25])),
        (np.array([0.0, 20]), np.array([0.5, 0.25])),
    ]
    steps, mean = curves.mean_line(known)
    assert steps.tolist() == [0, 10, 20] and mean.tolist() == [0.75, 0.4375, 0.25]
    assert marked(curves.weights("w", "Weights", runs[2:], ((0, 20), (0.0, 1.0))), "series") == []


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


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e6))
def test_ticks_are_round_few_and_within(low: float, width: float) -> None:
    found = svg.ticks(low, low + width)
    assert len(found) <= 8
    assert (
        all(low - 1e-6 * width <= tick <= low + width * (1 + 1e-6) for tick in found)
        or width < abs(low) * 1e-9
    )
    assert found == sorted(found)


def test_ticks_have_the_decimals_that_tell_them_apart() -> None:
    assert svg.ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert svg.tick_texts([-0.005, 0, 0.005]) == ["\u22120.005", "0.000", "0.005"]
    assert svg.tick_texts([0, 50, 100]) == ["0", "50", "100"]


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
    assert wording.phrase("item:popularity=0") == "items that nobody chose in training"
    assert wording.phrase("user:city=New-York") == "people with city New-York"
    assert wording.group("odd").family == "Other groups" and wording.phrase("cold") == "new items"


# Colours -----------------------------------------------------------------------------------------


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
