"""The sparsity curve: what happens to each arm, and to its gain, when interactions are taken away."""

from __future__ import annotations

from typing import Any

from sidelight.report import charts, curves, wording
from sidelight.report.curves import Point, Series
from sidelight.report.load_record import Entry, Record

TOGETHER = 5  # lines that one chart can hold and still be told apart
SHAPES = ("circle", "circle", "square", "triangle", "diamond")
MAIN = ("overall", "cold", "warm")


def sparsity(record: Record) -> dict[str, Any]:
    """Curves of the main metric, one a slice; one an arm where there are many."""
    names = [name for name in MAIN if _keeps(record, name) > 1]
    few = len(record.names) <= TOGETHER
    slices = [
        {
            "label": wording.SLICES[name],
            "meaning": wording.MEANINGS[name],
            "panels": _together(record, name) if few else _apart(record, name),
            "table": _table(record, name),
        }
        for name in names
    ]
    return {
        "slices": slices,
        "few": few,
        "legend": _legend(record) if few else _legend_apart(record),
        "metric": wording.metric(record.metric),
        "said": _said(record) if names else None,
        "keeps": [wording.share_kept(keep) for keep in record.keeps],
    }


def _keeps(record: Record, name: str) -> int:
    """At how many shares the baseline was measured."""
    return sum(record.figure(record.baseline, name, record.metric, keep) is not None for keep in record.keeps)


def _level(record: Record, arm: str, name: str, at: int, label: str = "", band: bool = True) -> Series:
    points = [
        Point(keep, found["mean"], found["low"], found["high"])
        for keep in record.keeps
        if (found := record.figure(arm, name, record.metric, keep))
    ]
    return Series(label or arm, f"tone-{at}", SHAPES[at], points, band)


def _gain(record: Record, arm: str, name: str, at: int) -> Series:
    points = [
        Point(keep, found["mean"], found["low"], found["high"])
        for keep in record.keeps
        if (found := record.difference(arm, name, record.metric, keep))
    ]
    return Series(arm, f"tone-{at}", SHAPES[at], points)


def _together(record: Record, name: str) -> list[Entry]:
    levels = [_level(record, arm, name, at) for at, arm in enumerate(record.names)]
    gains = [_gain(record, arm, name, at) for at, arm in enumerate(record.others, start=1)]
    return [_panel(record, f"curve-{name}", name, "", levels, gains, _ends(levels, gains))]


def _apart(record: Record, name: str) -> list[Entry]:
    """Each arm with the baseline in a chart of its own, all drawn alike."""
    base = _level(record, record.baseline, name, 0)
    pairs = [(_level(record, arm, name, 1), _gain(record, arm, name, 1)) for arm in record.others]
    ends = _ends([base, *(level for level, _ in pairs)], [gain for _, gain in pairs])
    return [
        _panel(record, f"curve-{name}-{at}", name, level.label, [base, level], [gain], ends)
        for at, (level, gain) in enumerate(pairs)
    ]


def _ends(levels: list[Series], gains: list[Series]) -> tuple[curves.Ends, curves.Ends]:
    return curves.ends_of(curves.values_of(levels)), curves.ends_of(curves.values_of(gains), zero=True)


def _panel(
    record: Record,
    id: str,
    name: str,
    label: str,
    levels: list[Series],
    gains: list[Series],
    ends: tuple[curves.Ends, curves.Ends],
) -> Entry:
    metric = wording.metric(record.metric)
    title = f"{wording.SLICES[name]}{': ' + label if label else ''}: {metric} against interactions kept"
    return {"label": label, "chart": curves.curve(id, title, levels, gains, metric, ends)}


def _legend(record: Record) -> list[Entry]:
    return [
        {"label": arm, "sample": charts.sample(f"tone-{at}", SHAPES[at])}
        for at, arm in enumerate(record.names)
    ]


def _legend_apart(record: Record) -> list[Entry]:
    return [
        {"label": record.baseline, "sample": charts.sample("tone-0", SHAPES[0])},
        {"label": "the arm that the chart names", "sample": charts.sample("tone-1", SHAPES[1])},
    ]


def _table(record: Record, name: str) -> list[Entry]:
    rows = []
    for arm in record.names:
        cells = []
        for keep in record.keeps:
            level = record.figure(arm, name, record.metric, keep)
            gain = record.difference(arm, name, record.metric, keep)
            cells.append(
                {
                    "mean": wording.number(level["mean"] if level else None),
                    "between": wording.between(level["low"], level["high"]) if level else "",
                    "gain": wording.signed(gain["mean"]) if gain else "",
                    "gained": wording.between(gain["low"], gain["high"], sign=True) if gain else "",
                    "verdict": wording.verdict(gain, record.level),
                    "sure": wording.mark(wording.verdict(gain, record.level)),
                }
            )
        rows.append({"arm": arm, "cells": cells})
    return rows


def _said(record: Record) -> Entry | None:
    """The gain at the ends, as figures; a trend would need a test of its own."""
    arm = record.chosen or record.others[0]
    ends = []
    for keep in (record.keeps[-1], record.keeps[0]):
        found = record.difference(arm, "overall", record.metric, keep)
        if found is None or found["mean"] is None:
            return None
        between = wording.between(found["low"], found["high"], sign=True)
        ends.append(
            {"keep": wording.share_kept(keep), "mean": wording.short(found["mean"]), "between": between}
        )
    return {"arm": arm, "full": ends[0], "least": ends[1]}
