"""Exposure of item groups against the choices of users, and the places that new items get."""

from __future__ import annotations

from typing import Any

from sidelight.experiment.record_schema import Entry
from sidelight.report import charts, wording
from sidelight.report.difference_tables import metrics_of
from sidelight.report.load_record import Record

LISTS = ("coverage", "gini", "popularity_lift", "novelty", "diversity", "miscalibration")
FRONT = 6  # charts shown at once; the others are one click away

_Shares = dict[tuple[str, str], Entry]


def exposure(record: Record) -> dict[str, Any]:
    """Return a chart per arm: each item group's share of exposure before and after, and of the choices."""
    own = [e for e in record.values["exposure"] if e["keep"] == record.full]
    shares = {(e["arm"], e["group"]): e for e in own}
    names = list(dict.fromkeys(e["group"] for e in own))
    values = [v for e in own for v in (e["exposure"], e["relevance"]) if v is not None]
    high = 1.05 * max(values, default=1.0) or 1.0
    panels = []
    for at, arm in enumerate(record.others):
        rows = [_shift_row(shares, record.baseline, arm, name) for name in names if (arm, name) in shares]
        if rows:
            title = f"Share of exposure by item group: {record.baseline} to {arm}"
            panels.append({"arm": arm, "chart": charts.shift(f"shift-{at}", title, rows, high), "rows": rows})
    return {
        "front": panels[:FRONT],
        "more": panels[FRONT:],
        "baseline": record.baseline,
        "table": [_table_row(record, shares, name) for name in names],
        "arms": record.names,
        "lists": _list_metrics(record),
        "said": _largest_moves(record, shares, names),
    }


def _shift_row(shares: _Shares, baseline: str, arm: str, name: str) -> charts.ForestRow:
    found, before = shares[arm, name], shares.get((baseline, name), {})
    chosen = found["relevance"] if found["relevance"] is not None else before.get("relevance")
    label = wording.group(name).label
    if name.startswith("item:popularity="):
        label = f"Chosen by {label} users"
    return charts.ForestRow(label, found["exposure"], other=before.get("exposure"), chosen=chosen)


def _table_row(record: Record, shares: _Shares, name: str) -> Entry:
    family, label = wording.group(name)
    chosen = next(e["relevance"] for (_, group), e in shares.items() if group == name)
    cells = [shares.get((arm, name), {}).get("exposure") for arm in record.names]
    return {
        "family": family,
        "label": label,
        "chosen": wording.percent(chosen, 2),
        "cells": [wording.percent(cell, 2) for cell in cells],
    }


def _largest_moves(record: Record, shares: _Shares, names: list[str]) -> Entry | None:
    """Return the groups that gain and lose most exposure by the arm of the answer."""
    arm = record.others[0]
    moved = []
    for name in names:
        before, after = (shares.get((each, name), {}).get("exposure") for each in (record.baseline, arm))
        if before is not None and after is not None:
            ends = {"before": wording.percent(before), "after": wording.percent(after)}
            moved.append((after - before, {"phrase": wording.phrase(name), **ends}))
    if len(moved) < 2:
        return None
    *_, (gain, up) = ordered = sorted(moved, key=lambda one: one[0])
    loss, down = ordered[0]
    return {"arm": arm, "up": up, "down": down} if gain > 0 > loss else None


def _list_metrics(record: Record) -> Entry | None:
    """Return metrics of the lists beside accuracy, one line per arm."""
    found = sorted({metric for (_, _, name, metric) in record.figures if name == "overall"})
    metrics = [
        metric
        for stem in LISTS
        for metric in found
        if metric.partition("@")[0] == stem and wording.same_cut(metric, record.metric)
    ]
    return _by_arm(record, "overall", metrics) if metrics else None


def _by_arm(record: Record, name: str, metrics: list[str]) -> Entry:
    rows = []
    for arm in record.names:
        figures = [record.figure(arm, name, metric) for metric in metrics]
        cells = [{"mean": wording.mean(each), "between": wording.bounds(each, none="")} for each in figures]
        rows.append({"arm": arm, "cells": cells})
    columns = [{"label": wording.metric(m), "meaning": wording.meaning(m)} for m in metrics]
    return {"columns": columns, "rows": rows}


def new_items(record: Record) -> dict[str, Any]:
    """Return accuracy among new items, and their places against the choices of users."""
    overall = {metric for (_, _, name, metric) in record.figures if name == "overall"}
    share = next((m for m in sorted(overall) if m.startswith("cold_slots@")), None)
    chosen = (record.figure(record.baseline, "overall", "cold_relevance") or {}).get("mean")
    chart, said = None, None
    if share is not None:
        figures = {arm: record.figure(arm, "overall", share) for arm in record.names}
        rows = [charts.ForestRow(arm, f["mean"], f["low"], f["high"]) for arm, f in figures.items() if f]
        title = f"{wording.metric(share)}: share of the places in lists that hold new items"
        chart = charts.slots("slots", title, rows, chosen) if rows else None
        said = {
            "rows": {row.label: wording.percent(row.mean) for row in rows},
            "chosen": wording.percent(chosen),
        }
    cold = [m for m in metrics_of(record, ["cold"]) if record.figure(record.baseline, "cold", m)]
    users = record.figure(record.baseline, "cold")
    return {
        "chart": chart,
        "said": said,
        "baseline": record.baseline,
        "arm": record.shown,
        "table": _by_arm(record, "cold", cold) if cold else None,
        "users": wording.count(users["users"]) if users else "",
    }
