"""The baseline against the others on new items, known items and one list of both."""

from __future__ import annotations

from typing import Any

from sidelight.report import charts, wording
from sidelight.report.load_record import Entry, Record

MAIN = ("overall", "cold", "warm")
NAMED = 2  # arms that a sentence names
ALIKE = 4  # charts share an axis unless one would shrink the others by more than this


def slices(record: Record) -> dict[str, Any]:
    """A forest of differences a slice, and tables of means."""
    names = [name for name in MAIN if name in record.slices]
    forests = {name: rows for name in names if (rows := rows_of(record, name))}
    ends = {name: charts.reach(rows) for name, rows in forests.items()}
    widths = [high - low for low, high in ends.values()]
    alike = bool(widths) and max(widths) <= ALIKE * min(widths)
    whole = (min(low for low, _ in ends.values()), max(high for _, high in ends.values())) if alike else None
    metric = wording.metric(record.metric)
    panels = [
        {
            "label": wording.SLICES[name],
            "meaning": wording.MEANINGS[name],
            "chart": charts.forest(
                f"{record.view}forest-{name}",
                f"{wording.SLICES[name]}: difference in {metric} from {record.baseline}",
                rows,
                whole,
            ),
        }
        for name, rows in forests.items()
    ]
    return {
        "panels": panels,
        "alike": alike,
        "metric": metric,
        "tables": _tables(record, names) if names else [],
        "said": [said for name in names if (said := _said(record, name))],
    }


def rows_of(record: Record, name: str) -> list[charts.ForestRow]:
    """A line for each arm that has a difference in the slice."""
    rows = []
    for arm in record.others:
        found = record.difference(arm, name, record.metric)
        if found is not None and found["mean"] is not None:
            verdict = wording.verdict(found, record.level)
            rows.append(
                charts.ForestRow(record.label(arm), found["mean"], found["low"], found["high"], verdict)
            )
    return rows


def metrics_of(record: Record, names: list[str]) -> list[str]:
    """Metrics that have a figure in more than the one list, the main one first; at its cut-off."""
    seen = dict.fromkeys([record.metric])
    for _, _, name, metric in record.figures:
        if (
            name in names
            and (name != "overall" or names == ["overall"])
            and wording.same_cut(metric, record.metric)
        ):
            seen[metric] = None
    return list(seen)


def _tables(record: Record, names: list[str]) -> list[Entry]:
    """For every metric the means of all arms, one column a slice."""
    tables = []
    for metric in metrics_of(record, names):
        rows = [
            {"arm": arm, "cells": [_cell(record, arm, name, metric) for name in names]}
            for arm in record.names
        ]
        tables.append(
            {
                "metric": wording.metric(metric),
                "meaning": wording.meaning(metric),
                "columns": [wording.SLICES[name] for name in names],
                "rows": rows,
                "main": metric == record.metric,
            }
        )
    return tables


def _cell(record: Record, arm: str, name: str, metric: str) -> Entry:
    found = record.figure(arm, name, metric)
    against = record.difference(arm, name, metric)
    return {
        "mean": wording.number(found["mean"] if found else None),
        "between": wording.between(found["low"], found["high"]) if found else "",
        "sure": wording.mark(wording.verdict(against, record.level)),
        "verdict": wording.verdict(against, record.level),
    }


def _said(record: Record, name: str) -> Entry | None:
    """Which arms are clearly better or worse: by name while they are few, else how many."""
    rows = rows_of(record, name)
    if not rows:
        return None
    sides: list[Entry] = []
    for side in ("better", "worse"):
        arms = [row.label for row in rows if row.verdict == side]
        if arms:
            sides.append({"side": side, "arms": arms if len(arms) <= NAMED else [], "count": len(arms)})
    rest = len(rows) - sum(side["count"] for side in sides)
    return {"label": wording.SLICES[name], "sides": sides, "rest": rest}
