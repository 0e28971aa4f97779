"""Charts: as many marks as values, inside their frame, readable in both colour schemes."""

from __future__ import annotations

import pytest
from report.drawings import inside, marked, parsed

from sidelight.report import charts
from sidelight.report.charts import ForestRow

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
