"""Paths of the loss weights of auxiliary tasks during training."""

from __future__ import annotations

from typing import Any

from sidelight.experiment.record_schema import Entry
from sidelight.report import curves, wording
from sidelight.report.load_record import Record


def learning(record: Record) -> dict[str, Any]:
    """Return a small chart per task and a table for every arm with recorded weights."""
    found = []
    for at, arm in enumerate([*record.others, record.baseline]):
        own = [w for w in record.values["weights"] if w["arm"] == arm]
        if own:
            keep = max(w["keep"] for w in own)
            found.append(_arm(record, arm, keep, [w for w in own if w["keep"] == keep], at))
    return {
        "arms": found,
        "silent": [arm for arm in record.names if arm not in {f["arm"] for f in found}],
        "other_keeps": len({w["keep"] for w in record.values["weights"]}) > 1,
    }


def _arm(record: Record, arm: str, keep: float, own: list[Entry], at: int) -> Entry:
    tasks = list(dict.fromkeys(w["task"] for w in own))
    steps = [s for w in own for s in w["step"]]
    high = curves.ends_of([v for w in own for v in w["weight"]], zero=True)
    ends = ((min(steps, default=0.0), max(steps, default=1.0)), high)
    panels = []
    for n, task in enumerate(tasks):
        runs = [(w["step"], w["weight"]) for w in own if w["task"] == task]
        title = f"Weight of {task} in the loss of {arm}"
        panels.append({"task": task, "chart": curves.weights(f"weights-{at}-{n}", title, runs, ends)})
    return {
        "arm": arm,
        "keep": wording.share_kept(keep) if len(record.keeps) > 1 else "",
        "panels": panels,
        "rows": [_row(w) for w in sorted(own, key=lambda w: (tasks.index(w["task"]), w["seed"]))],
    }


def _row(run: Entry) -> Entry:
    known = [value for value in run["weight"] if value is not None]
    ends = (known[0], min(known), max(known), known[-1]) if known else (None,) * 4
    cells = [wording.number(value) for value in ends]
    return {"task": run["task"], "seed": run["seed"], "cells": cells, "points": len(known)}
