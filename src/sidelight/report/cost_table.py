"""What each arm costs, beside what it gains; and the same comparison with another arm as the baseline."""

from __future__ import annotations

from typing import Any

from sidelight.report import wording
from sidelight.report.group_table import groups
from sidelight.report.load_record import Entry, Record
from sidelight.report.slice_tables import slices

COLUMNS = {
    "seconds": ("Seconds of one fit", 1), "megabytes": ("MB of the bundle", 2),
    "milliseconds": ("ms of one list", 2),
}  # fmt: skip


def costs(record: Record) -> dict[str, Any]:
    """A line for each arm: its gain in one list, seconds of a fit, size of its bundle, time of one list."""
    rows = [_row(record, arm) for arm in record.names]
    return {
        "columns": [title for title, _ in COLUMNS.values()],
        "rows": rows if any(cell != wording.NOTHING for row in rows for cell in row["cells"]) else [],
        "metric": wording.metric(record.metric),
    }


def _row(record: Record, arm: str) -> Entry:
    runs = [run for run in record.values["runs"] if (run["arm"], run["keep"]) == (arm, record.full)]
    found = record.difference(arm, "overall", record.metric)
    verdict = wording.verdict(found, record.level)
    gain = (
        wording.NOTHING
        if found is None
        else f"{wording.short(found['mean'])} {wording.mark(verdict)}".strip()
    )
    return {"arm": arm, "gain": gain, "verdict": verdict, "cells": [_mean(runs, name) for name in COLUMNS]}


def _mean(runs: list[Entry], name: str) -> str:
    known = [run[name] for run in runs if run.get(name) is not None]
    return f"{sum(known) / len(known):,.{COLUMNS[name][1]}f}" if known else wording.NOTHING


def baselines(record: Record) -> dict[str, Any]:
    """For each other arm as the baseline: the answer, a chart a slice, and the table of groups."""
    views = [record.against(at) for at in range(len(record.values["against"]))]
    return {
        "views": [
            {
                "baseline": view.baseline,
                "sentence": view.values["answer"]["sentence"].replace(" %", "\u00a0%"),
                "slices": slices(view),
                "groups": groups(view),
            }
            for view in views
        ]
    }
