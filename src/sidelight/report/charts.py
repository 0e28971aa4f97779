"""Charts of one line per arm or group: intervals around zero, shares of slots, shifts of exposure.

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
ROW = 40.0  # height of a line of text with the mark under it
SHAPES = {"better": "triangle", "worse": "wedge", "unclear": "circle", "few": "circle", "unknown": "circle"}


class ForestRow(NamedTuple):
    """Line of a chart: a value with its interval, and the values it is compared with."""

    label: str
    mean: float | None
    low: float | None = None
    high: float | None = None
    verdict: str = "unknown"
    other: float | None = None
    chosen: float | None = None


def reach(rows: Sequence[ForestRow]) -> tuple[float, float]:
    """Return the ends of an axis that holds the rows and zero."""
    return span([*(value for row in rows for value in (row.mean, row.low, row.high)), 0.0])


def forest(
    name: str, title: str, rows: Sequence[ForestRow], ends: tuple[float, float] | None = None
) -> Markup:
    """Draw differences with their intervals around zero, one line per arm.

    Args:
        name: Prefix of the ids of the drawing.
        title: Title of the drawing.
        rows: One per line.
        ends: Ends of the axis, to draw several charts alike; None fits it to the rows.
    """
    x = Scale(*(ends or reach(rows)), SIDE, WIDTH - SIDE)
    tops, bottom = _tops(rows)
    parts = [*_grid(x, tops, bottom), *(line(x(0), top + 17, x(0), top + 34, "zero") for top in tops)]
    parts += [_difference(row, x, top) for row, top in zip(rows, tops, strict=True)]
    if x(0) >= 60:
        parts.append(text(x(0) - 8, bottom + 33, "← worse", "end", "muted"))
    if x(0) <= WIDTH - 60:
        parts.append(text(x(0) + 8, bottom + 33, "better →", class_="muted"))
    figures = [f"{row.label}: {wording.short(row.mean)}, {_bounds(row)}" for row in rows]
    return drawing(name, title, "; ".join(figures) + ".", (WIDTH, bottom + 38), parts)


def _difference(row: ForestRow, x: Scale, top: float) -> Markup:
    value = f"{wording.short(row.mean)} {wording.mark(row.verdict)}".strip()
    parts = [*_texts(row, value, top + 12, 80, f"value {row.verdict}"), *_interval(row, x, top + 25)]
    return named(parts, f"{row.label}: {value}, {_bounds(row)}", "row")


def _interval(row: ForestRow, x: Scale, y: float) -> list[Markup]:
    """Draw the interval of a row as a line, and its mean as a mark on it."""
    parts = []
    if row.low is not None and row.high is not None:
        parts.append(line(x(row.low), y, x(row.high), y, f"whisker {row.verdict}"))
    if row.mean is not None:
        parts.append(mark(x(row.mean), y, SHAPES[row.verdict], f"point {row.verdict}"))
    return parts


def slots(name: str, title: str, rows: Sequence[ForestRow], chosen: float | None) -> Markup:
    """Draw shares as bars, one line per arm, with a line at the share of the choices of users.

    Args:
        name: Prefix of the ids of the drawing.
        title: Title of the drawing.
        rows: One per line; the first is the baseline.
        chosen: Share of the users' own choices, or None.
    """
    _, high = span([*(v for r in rows for v in (r.mean, r.high)), chosen], around=[0.0])
    x = Scale(0.0, min(high, 1.0), SIDE, WIDTH - SIDE)
    tops, bottom = _tops(rows, 26.0)
    parts = _grid(x, tops, bottom, percent=True)
    for at, (row, y) in enumerate(zip(rows, tops, strict=True)):
        inner = _texts(row, wording.percent(row.mean), y + 14, 60)
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
        right = x(chosen) < WIDTH / 2
        beside, anchor = (x(chosen) + 6, "start") if right else (x(chosen) - 6, "end")
        parts.append(line(x(chosen), 5, x(chosen), 21, "chosen"))
        parts.append(text(beside, 17, f"users chose {wording.percent(chosen)}", anchor, "muted"))
    figures = [f"{row.label}: {wording.percent(row.mean)}" for row in rows]
    figures.append(f"what users chose: {wording.percent(chosen)}")
    return drawing(name, title, "; ".join(figures) + ".", (WIDTH, bottom + 22), parts)


def shift(name: str, title: str, rows: Sequence[ForestRow], high: float) -> Markup:
    """Draw the shift of exposure: each group's share before, after, and of the choices of users.

    Args:
        name: Prefix of the ids of the drawing.
        title: Title of the drawing.
        rows: One per group: `other` is the baseline's share, `mean` the arm's, `chosen` the users' own.
        high: End of the axis, to draw several arms alike.
    """
    x = Scale(0.0, high, SIDE, WIDTH - SIDE)
    tops, bottom = _tops(rows)
    parts = _grid(x, tops, bottom, percent=True)
    parts += [_moved(row, x, top) for row, top in zip(rows, tops, strict=True)]
    figures = [
        f"{r.label}: from {wording.percent(r.other)} to {wording.percent(r.mean)}, "
        f"chosen {wording.percent(r.chosen)}"
        for r in rows
    ]
    return drawing(name, title, "; ".join(figures) + ".", (WIDTH, bottom + 22), parts)


def _moved(row: ForestRow, x: Scale, top: float) -> Markup:
    y = top + 26
    value = f"{wording.percent(row.other)} → {wording.percent(row.mean)}"
    parts = [*_texts(row, value, top + 13, 112), line(SIDE, y, WIDTH - SIDE, y, "track")]
    if row.chosen is not None:
        parts.append(line(x(row.chosen), y - 8, x(row.chosen), y + 8, "chosen"))
    if row.other is not None and row.mean is not None:
        parts.append(line(x(row.other), y, x(row.mean), y, "move"))
    if row.other is not None:
        parts.append(mark(x(row.other), y, "circle", "point hollow", 5.5))
    if row.mean is not None:
        parts.append(mark(x(row.mean), y, "circle", "point after", 3.8))
    return named(parts, f"{row.label}: {value}; users chose {wording.percent(row.chosen)}", "row")


def whisker(name: str, title: str, row: ForestRow, ends: tuple[float, float]) -> Markup:
    """Draw one difference with its interval around zero, for beside a number."""
    x = Scale(*ends, 6, 194)
    parts = [line(6, 12, 194, 12, "track"), line(x(0), 2, x(0), 22, "zero"), *_interval(row, x, 12)]
    return drawing(name, title, f"{wording.short(row.mean)}, {_bounds(row)}.", (200, 24), parts)


def sample(tone: str, shape: str) -> Markup:
    """Draw a piece of a line with its mark, for a legend."""
    inside = [path([(1, 8), (27, 8)], "series"), mark(14, 8, shape, "dot", 4)]
    return element("svg", *inside, viewBox="0 0 28 16", class_=f"sample {tone}", aria_hidden="true")


def _tops(rows: Sequence[ForestRow], first: float = 6) -> tuple[list[float], float]:
    """Return the top of each row and the bottom of the last one."""
    return [first + ROW * at for at in range(len(rows))], first + ROW * len(rows)


def _texts(row: ForestRow, value: str, y: float, room: float, class_: str = "value") -> list[Markup]:
    """Write the label of a row at the left, cut to leave room for its value at the right."""
    label = fit(row.label, WIDTH - 2 * SIDE - room)
    return [text(SIDE, y, label, class_="label"), text(WIDTH - SIDE, y, value, "end", class_)]


def _bounds(row: ForestRow) -> str:
    return wording.between(row.low, row.high, sign=True)


def _grid(x: Scale, tops: Sequence[float], bottom: float, percent: bool = False) -> list[Markup]:
    """Draw upright lines at round values, numbers below; they run under the text of a row, not through it."""
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
