"""Charts of one line an arm or group: intervals around zero, shares of slots, shift of exposure.

Drawn about as wide as a phone. On a wide screen several stand side by side, so that text keeps its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from sidelight.report import wording
from sidelight.report.svg import (
    TEXT_WIDTH,
    Scale,
    drawing,
    element,
    fit,
    line,
    mark,
    named,
    path,
    span,
    text,
    tick_texts,
    ticks,
)

WIDTH, SIDE = 290.0, 6.0
ROW = 40.0  # a line of text, and the mark under it
SHAPES = {"better": "triangle", "worse": "wedge", "unclear": "circle", "few": "circle", "unknown": "circle"}


class ForestRow(NamedTuple):
    """One line of a chart: a value with its interval, and what it is compared with."""

    label: str
    mean: float | None
    low: float | None = None
    high: float | None = None
    verdict: str = "unknown"
    other: float | None = None
    chosen: float | None = None


def reach(rows: Sequence[ForestRow]) -> tuple[float, float]:
    """Ends of an axis that holds the rows and zero."""
    values = [value for row in rows for value in (row.mean, row.low, row.high)]
    low, high = span([*values, 0.0])
    return low, high


def forest(
    name: str, title: str, rows: Sequence[ForestRow], ends: tuple[float, float] | None = None
) -> Markup:
    """Differences with their intervals around zero, one line an arm.

    Args:
        name: Makes the ids of the drawing.
        title: What the differences are of.
        rows: One a line.
        ends: Ends of the axis, to draw several charts alike; None fits it to the rows.
    """
    low, high = ends or reach(rows)
    x = Scale(low, high, SIDE, WIDTH - SIDE)
    bottom = 6 + ROW * len(rows)
    tops = [6 + ROW * at for at in range(len(rows))]
    parts = [*_grid(x, tops, bottom), *(line(x(0), top + 17, x(0), top + 34, "zero") for top in tops)]
    parts += [_difference(row, x, top) for row, top in zip(rows, tops, strict=True)]
    if x(0) >= 60:
        parts.append(text(x(0) - 8, bottom + 33, "← worse", "end", "muted"))
    if x(0) <= WIDTH - 60:
        parts.append(text(x(0) + 8, bottom + 33, "better →", class_="muted"))
    said = [f"{r.label}: {wording.short(r.mean)}, {wording.between(r.low, r.high, sign=True)}" for r in rows]
    return drawing(name, title, "; ".join(said) + ".", (WIDTH, bottom + 38), parts)


def _difference(row: ForestRow, x: Scale, top: float) -> Markup:
    verdict, y = row.verdict, top + 25
    value = f"{wording.short(row.mean)} {wording.mark(verdict)}".strip()
    parts = [
        text(SIDE, top + 12, fit(row.label, WIDTH - 2 * SIDE - 80), class_="label"),
        text(WIDTH - SIDE, top + 12, value, "end", f"value {verdict}"),
    ]
    if row.low is not None and row.high is not None:
        parts.append(line(x(row.low), y, x(row.high), y, f"whisker {verdict}"))
    if row.mean is not None:
        parts.append(mark(x(row.mean), y, SHAPES[verdict], f"point {verdict}"))
    return named(parts, f"{row.label}: {value}, {wording.between(row.low, row.high, sign=True)}", "row")


def slots(name: str, title: str, rows: Sequence[ForestRow], chosen: float | None) -> Markup:
    """Shares as bars, one line an arm, with a line at what people chose.

    Args:
        name: Makes the ids of the drawing.
        title: What the shares are of.
        rows: One a line; the first is the baseline.
        chosen: The share that people's own choices had, or None.
    """
    _, high = span([*(v for r in rows for v in (r.mean, r.high)), chosen], around=[0.0])
    x = Scale(0.0, min(high, 1.0), SIDE, WIDTH - SIDE)
    top, parts = 26.0, []
    bottom = top + ROW * len(rows)
    parts += _grid(x, [top + ROW * at for at in range(len(rows))], bottom, percent=True)
    for at, row in enumerate(rows):
        y = top + ROW * at
        inner = [
            text(SIDE, y + 14, fit(row.label, WIDTH - 2 * SIDE - 60), class_="label"),
            text(WIDTH - SIDE, y + 14, wording.percent(row.mean), "end", "value"),
        ]
        if row.mean is not None:
            width = round(x(max(0.0, row.mean)) - SIDE, 1)
            class_ = "bar base" if at == 0 else "bar"
            inner.append(element("rect", x=SIDE, y=y + 20, width=width, height=10, rx=2, class_=class_))
        if row.low is not None and row.high is not None:
            inner.append(line(x(row.low), y + 25, x(min(row.high, 1.0)), y + 25, "whisker thin"))
        if chosen is not None:
            inner.append(line(x(chosen), y + 17, x(chosen), y + 33, "chosen"))
        parts.append(named(inner, f"{row.label}: {wording.percent(row.mean)}", "row"))
    if chosen is not None:
        at_left = x(chosen) < WIDTH / 2
        said_there = f"people chose {wording.percent(chosen)}"
        parts.append(line(x(chosen), 5, x(chosen), 21, "chosen"))
        beside = x(chosen) + 6 if at_left else x(chosen) - 6
        parts.append(text(beside, 17, said_there, "start" if at_left else "end", "muted"))
    said = [f"{row.label}: {wording.percent(row.mean)}" for row in rows]
    said.append(f"what people chose: {wording.percent(chosen)}")
    return drawing(name, title, "; ".join(said) + ".", (WIDTH, bottom + 22), parts)


def shift(name: str, title: str, rows: Sequence[ForestRow], high: float) -> Markup:
    """Where attention moves: each group's share before, after, and what people chose.

    Args:
        name: Makes the ids of the drawing.
        title: Which arm is shown.
        rows: One a group: `other` is the baseline's share, `mean` the arm's, `chosen` people's own.
        high: End of the axis, to draw several arms alike.
    """
    x = Scale(0.0, high, SIDE, WIDTH - SIDE)
    bottom = 6 + ROW * len(rows)
    tops = [6 + ROW * at for at in range(len(rows))]
    parts = _grid(x, tops, bottom, percent=True)
    parts += [_moved(row, x, top) for row, top in zip(rows, tops, strict=True)]
    said = [
        f"{r.label}: from {wording.percent(r.other)} to {wording.percent(r.mean)}, "
        f"chosen {wording.percent(r.chosen)}"
        for r in rows
    ]
    return drawing(name, title, "; ".join(said) + ".", (WIDTH, bottom + 22), parts)


def _moved(row: ForestRow, x: Scale, top: float) -> Markup:
    y = top + 26
    value = f"{wording.percent(row.other)} → {wording.percent(row.mean)}"
    parts = [
        text(SIDE, top + 13, fit(row.label, WIDTH - 2 * SIDE - 112), class_="label"),
        text(WIDTH - SIDE, top + 13, value, "end", "value"),
        line(SIDE, y, WIDTH - SIDE, y, "track"),
    ]
    if row.chosen is not None:
        parts.append(line(x(row.chosen), y - 8, x(row.chosen), y + 8, "chosen"))
    if row.other is not None and row.mean is not None:
        parts.append(line(x(row.other), y, x(row.mean), y, "move"))
    if row.other is not None:
        parts.append(mark(x(row.other), y, "circle", "point hollow", 5.5))
    if row.mean is not None:
        parts.append(mark(x(row.mean), y, "circle", "point after", 3.8))
    return named(parts, f"{row.label}: {value}; people chose {wording.percent(row.chosen)}", "row")


def whisker(name: str, title: str, row: ForestRow, ends: tuple[float, float]) -> Markup:
    """One difference with its interval around zero, for beside a number."""
    x = Scale(*ends, 6, 194)
    parts = [line(6, 12, 194, 12, "track"), line(x(0), 2, x(0), 22, "zero")]
    if row.low is not None and row.high is not None:
        parts.append(line(x(row.low), 12, x(row.high), 12, f"whisker {row.verdict}"))
    if row.mean is not None:
        parts.append(mark(x(row.mean), 12, SHAPES[row.verdict], f"point {row.verdict}"))
    said = f"{wording.short(row.mean)}, {wording.between(row.low, row.high, sign=True)}."
    return drawing(name, title, said, (200, 24), parts)


def sample(tone: str, shape: str) -> Markup:
    """A piece of a line with its mark, for a legend."""
    inside = [path([(1, 8), (27, 8)], "series"), mark(14, 8, shape, "dot", 4)]
    return element("svg", *inside, viewBox="0 0 28 16", class_=f"sample {tone}", aria_hidden="true")


def _grid(x: Scale, tops: Sequence[float], bottom: float, percent: bool = False) -> list[Markup]:
    """Upright lines at round values, numbers below; they run under the text of a row, not through it."""
    values = ticks(x.low, x.high)
    texts = [wording.share_kept(v) for v in values] if percent else tick_texts(values)
    parts = []
    for value, shown in zip(values, texts, strict=True):
        place = x(value)
        parts += [line(place, top + 17, place, top + 34, "grid") for top in tops]
        # Near an edge a centred number would be cut off.
        half = len(shown) * 11 * TEXT_WIDTH / 2
        anchor = "start" if place < half else "end" if place > WIDTH - half else "middle"
        parts.append(text(place, bottom + 16, shown, anchor, "tick"))
    return parts
