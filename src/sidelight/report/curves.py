"""Line charts: a metric against the share of interactions kept, loss weights over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from sidelight.report import wording
from sidelight.report.svg import (
    Scale,
    drawing,
    element,
    line,
    mark,
    named,
    path,
    span,
    text,
    tick_texts,
    ticks,
)

LEFT, RIGHT = 42.0, 286.0
POINTS = 200  # per line of weights; more cannot be seen, and the record has them all

Ends = tuple[float, float]


class Point(NamedTuple):
    """Value at a share of interactions, with its interval."""

    keep: float
    mean: float | None
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """Line of a chart: name, colour and shape of its points."""

    label: str
    tone: str
    shape: str
    points: Sequence[Point]


def values_of(lines: Sequence[Series]) -> list[float | None]:
    """Return all values that an axis has to hold."""
    return [v for series in lines for p in series.points for v in (p.mean, p.low, p.high)]


def curve(
    name: str,
    title: str,
    levels: Sequence[Series],
    gains: Sequence[Series],
    axis: str,
    ends: tuple[Ends, Ends],
) -> Markup:
    """Draw a metric against the share of interactions kept, and under it the gain over the baseline.

    Args:
        name: Prefix of the ids of the drawing.
        title: Title of the drawing.
        levels: One line per arm.
        gains: One line per arm but the baseline: its difference at each share.
        axis: The metric, for the axis.
        ends: Ends of the upper and of the lower axis, to draw several charts alike.
    """
    keeps = sorted({p.keep for series in (*levels, *gains) for p in series.points})
    x = Scale(keeps[0], keeps[-1], LEFT + 10, RIGHT - 10, log=True)
    upper, lower = Scale(*ends[0], 160.0, 24.0), Scale(*ends[1], 266.0, 196.0)
    parts = [text(4, 12, axis, class_="axis"), text(4, 186, "gain over the baseline", class_="axis")]
    parts += [*_heights(upper), *_heights(lower, 3), line(LEFT, lower(0), RIGHT, lower(0), "zero")]
    parts += _shares(x, keeps, 266)
    parts += [_band(series, x, upper) for series in levels]
    parts += [_line(series, x, upper, signed=False) for series in levels]
    parts += [_band(series, x, lower) for series in gains]
    parts += [_line(series, x, lower, signed=True) for series in gains]
    parts.append(text((LEFT + RIGHT) / 2, 300, "share of training interactions kept", "middle", "muted"))
    lines = []
    for series in levels:
        points = [f"{wording.share_kept(p.keep)} {wording.number(p.mean)}" for p in series.points]
        lines.append(f"{series.label}: {', '.join(points)}")
    return drawing(name, title, "; ".join(lines) + ".", (290, 306), parts)


def _line(series: Series, x: Scale, y: Scale, signed: bool) -> Markup:
    known = [(p, x(p.keep), y(p.mean)) for p in series.points if p.mean is not None]
    parts = [path([(at, height) for _, at, height in known], "series")] if len(known) > 1 else []
    say = wording.short if signed else wording.number
    for point, at, height in known:
        shown = wording.between(point.low, point.high, sign=signed)
        title = f"{series.label}, {wording.share_kept(point.keep)} kept: {say(point.mean)}, {shown}"
        parts.append(named([mark(at, height, series.shape, "dot", 3.6)], title, "row"))
    return element("g", *parts, class_=f"arm {series.tone}")


def _band(series: Series, x: Scale, y: Scale) -> Markup:
    """Draw the interval as a surface; for a single share as bars."""
    known = [
        (x(p.keep), y(p.low), y(p.high)) for p in series.points if p.low is not None and p.high is not None
    ]
    if len(known) > 1:
        around = [(at, low) for at, low, _ in known] + [(at, high) for at, _, high in reversed(known)]
        inner = element("polygon", points=" ".join(f"{at},{height}" for at, height in around), class_="band")
        return element("g", inner, class_=series.tone)
    bars = [line(at, low, at, high, "stem") for at, low, high in known]
    return element("g", *bars, class_=series.tone)


def weights(
    name: str,
    title: str,
    runs: Sequence[tuple[Sequence[float], Sequence[float | None]]],
    ends: tuple[Ends, Ends],
) -> Markup:
    """Draw the loss weight of one task over time: a thin line per seed, a thick one for their mean.

    Args:
        name: Prefix of the ids of the drawing.
        title: Arm and task.
        runs: Steps and weights of each seed.
        ends: Ends of the steps and of the weights, to draw several tasks alike.
    """
    x, y = Scale(*ends[0], 40.0, 212.0), Scale(*ends[1], 100.0, 10.0)
    parts = _heights(y, 3, (40.0, 212.0))
    for value, shown in zip(ends[0], tick_texts(ends[0]), strict=True):
        parts.append(text(x(value), 116, shown, "start" if value == ends[0][0] else "end", "tick"))
    parts.append(text(126, 116, "step", "middle", "muted"))
    known = [_known(steps, found) for steps, found in runs]
    known = [(steps, found) for steps, found in known if len(steps)]
    for steps, found in known:
        parts.append(path([(x(s), y(w)) for s, w in _thinned(steps, found)], "seed"))
    description = "No values."
    if known:
        steps, mean = mean_line(known)
        parts.append(path([(x(s), y(w)) for s, w in _thinned(steps, mean)], "series"))
        if len(steps) == 1:
            parts.append(mark(x(float(steps[0])), y(float(mean[0])), "circle", "dot", 3))
        first, last = wording.number(float(mean[0])), wording.number(float(mean[-1]))
        description = f"Mean over {len(known)} seeds: from {first} to {last}."
    return drawing(name, title, description, (220, 122), [element("g", *parts, class_="arm tone-1")])


def mean_line(runs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over runs, interpolated between their steps, where all of them have values."""
    low, high = max(steps[0] for steps, _ in runs), min(steps[-1] for steps, _ in runs)
    grid = np.unique(np.concatenate([steps for steps, _ in runs]))
    grid = grid[(grid >= low) & (grid <= high)]
    if len(grid) == 0:  # runs that never overlap: the longest stands for them
        return max(runs, key=lambda run: len(run[0]))
    return grid, np.mean([np.interp(grid, steps, found) for steps, found in runs], axis=0)


def _known(steps: Sequence[float], found: Sequence[float | None]) -> tuple[np.ndarray, np.ndarray]:
    pairs = sorted((s, w) for s, w in zip(steps, found, strict=True) if w is not None)
    return np.array([s for s, _ in pairs], dtype=float), np.array([w for _, w in pairs], dtype=float)


def _thinned(steps: np.ndarray, found: np.ndarray) -> list[tuple[float, float]]:
    at = np.unique(np.linspace(0, len(steps) - 1, min(POINTS, len(steps))).round().astype(int))
    return [(float(s), float(w)) for s, w in zip(steps[at], found[at], strict=True)]


def _heights(y: Scale, about: int = 4, across: Ends = (LEFT, RIGHT)) -> list[Markup]:
    """Draw level lines at round values, with their numbers at the left."""
    values = ticks(y.low, y.high, about)
    parts = []
    for value, shown in zip(values, tick_texts(values), strict=True):
        parts.append(line(across[0], y(value), across[1], y(value), "grid"))
        parts.append(text(across[0] - 6, y(value) + 4, shown, "end", "tick"))
    return parts


def _shares(x: Scale, keeps: Sequence[float], bottom: float) -> list[Markup]:
    """Draw a mark at every share, and its number where there is room, the full data first."""
    parts, taken = [], RIGHT + 60
    for keep in reversed(keeps):
        place = x(keep)
        parts.append(line(place, bottom, place, bottom + 4, "zero"))
        if taken - place >= 38:
            parts.append(text(place, bottom + 18, wording.share_kept(keep), "middle", "tick"))
            taken = place
    return parts


def ends_of(values: Sequence[float | None], zero: bool = False) -> Ends:
    """Return the ends of an axis; with zero if requested, or if leaving it out would save little."""
    known = [value for value in values if value is not None]
    low = min(known, default=0.0)
    near = low > 0 and low < 0.4 * max(known)
    return span(known, around=[0.0] if zero or near else [])
