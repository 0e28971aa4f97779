"""Sparsity curves: the metric of each arm and its gain against the share of interactions kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sidelight.experiment.record_schema import Entry
from sidelight.report import charts, curves, wording
from sidelight.report.curves import Point, Series
from sidelight.report.load_record import Record

TOGETHER = 5  # lines that one chart can hold and still be told apart
SHAPES = ("circle", "circle", "square", "triangle", "diamond")


def sparsity(record: Record) -> dict[str, Any]:
    """Return curves of the main metric, one chart per slice; one per arm where there are many."""
    names = [name for name in wording.SLICES if _shares_measured(record, name) > 1]
    few = len(record.names) <= TOGETHER
    slices = [
        {
            "label": wording.SLICES[name],
            "meaning": wording.MEANINGS[name],
            "panels": _shared_chart(record, name) if few else _chart_per_arm(record, name),
            "table": _table(record, name),
        }
        for name in names
    ]
    labels = record.names if few else [record.baseline, "the arm that the chart names"]
    legend = [
        {"label": label, "sample": charts.sample(f"tone-{at}", SHAPES[at])} for at, label in enumerate(labels)
    ]
    return {
        "slices": slices,
        "few": few,
        "legend": legend,
        "metric": wording.metric(record.metric),
        "said": _gains_at_ends(record) if names else None,
        "keeps": [wording.share_kept(keep) for keep in record.keeps],
    }


def _shares_measured(record: Record, name: str) -> int:
    return sum(record.figure(record.baseline, name, keep=keep) is not None for keep in record.keeps)


def _series(record: Record, entry: Callable[..., Entry | None], arm: str, name: str, at: int) -> Series:
    """Return the line of an arm: `entry` is `record.figure` or `record.difference`."""
    points = [
        Point(keep, found["mean"], found["low"], found["high"])
        for keep in record.keeps
        if (found := entry(arm, name, keep=keep))
    ]
    return Series(arm, f"tone-{at}", SHAPES[at], points)


def _shared_chart(record: Record, name: str) -> list[Entry]:
    levels = [_series(record, record.figure, arm, name, at) for at, arm in enumerate(record.names)]
    gains = [_series(record, record.difference, arm, name, at) for at, arm in enumerate(record.others, 1)]
    return [_panel(record, f"curve-{name}", name, "", levels, gains, _ends(levels, gains))]


def _chart_per_arm(record: Record, name: str) -> list[Entry]:
    """Return a chart of each arm with the baseline, all on the same axes."""
    base = _series(record, record.figure, record.baseline, name, 0)
    levels = [_series(record, record.figure, arm, name, 1) for arm in record.others]
    gains = [_series(record, record.difference, arm, name, 1) for arm in record.others]
    ends = _ends([base, *levels], gains)
    return [
        _panel(record, f"curve-{name}-{at}", name, level.label, [base, level], [gain], ends)
        for at, (level, gain) in enumerate(zip(levels, gains, strict=True))
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


def _table(record: Record, name: str) -> list[Entry]:
    return [
        {"arm": arm, "cells": [_cell(record, arm, name, keep) for keep in record.keeps]}
        for arm in record.names
    ]


def _cell(record: Record, arm: str, name: str, keep: float) -> Entry:
    level, gain = record.figure(arm, name, keep=keep), record.difference(arm, name, keep=keep)
    verdict = record.verdict(gain)
    return {
        "mean": wording.mean(level),
        "between": wording.bounds(level),
        "gain": wording.signed(gain["mean"]) if gain else "",
        "gained": wording.bounds(gain, sign=True),
        "verdict": verdict,
        "sure": wording.mark(verdict),
    }


def _gains_at_ends(record: Record) -> Entry | None:
    """Return the gain with all and with the fewest interactions; a trend would need a test of its own."""
    ends = []
    for keep in (record.keeps[-1], record.keeps[0]):
        found = record.difference(record.shown, "overall", keep=keep)
        if found is None or found["mean"] is None:
            return None
        gain = {"mean": wording.short(found["mean"]), "between": wording.bounds(found, sign=True)}
        ends.append({"keep": wording.share_kept(keep), **gain})
    return {"arm": record.shown, "full": ends[0], "least": ends[1]}
