"""Who gets the places: exposure of item groups against what people chose, and what new items get."""

from __future__ import annotations

from typing import Any

from sidelight.report import charts, wording
from sidelight.report.load_record import Entry, Record
from sidelight.report.slice_tables import metrics_of

LISTS = ("coverage", "gini", "popularity_lift", "novelty", "diversity", "miscalibration")
FRONT = 6  # charts shown at once; the others are one click away


def exposure(record: Record) -> dict[str, Any]:
    """A chart an arm: each item group's share of attention before and after, and what people chose."""
    own = [e for e in record.values["exposure"] if e["keep"] == record.full]
    shares = {(e["arm"], e["group"]): e for e in own}
    names = list(dict.fromkeys(e["group"] for e in own))
    values = [v for e in own for v in (e["exposure"], e["relevance"]) if v is not None]
    high = 1.05 * max(values, default=1.0) or 1.0
    panels = []
    for at, arm in enumerate(record.others):
        rows = [_row(shares, record.baseline, arm, name) for name in names if (arm, name) in shares]
        if rows:
            title = f"Share of exposure by item group: {record.baseline} to {arm}"
            panels.append({"arm": arm, "chart": charts.shift(f"shift-{at}", title, rows, high), "rows": rows})
    return {
        "front": panels[:FRONT],
        "more": panels[FRONT:],
        "baseline": record.baseline,
        "table": _table(record, shares, names) if names else [],
        "arms": record.names,
        "lists": _lists(record),
        "said": _moves(record, shares, names),
    }


def _row(shares: dict[tuple[str, str], Entry], baseline: str, arm: str, name: str) -> charts.ForestRow:
    found, before = shares[arm, name], shares.get((baseline, name))
    chosen = found["relevance"] if found["relevance"] is not None else (before or {}).get("relevance")
    other = before["exposure"] if before else None
    return charts.ForestRow(_short(name), found["exposure"], other=other, chosen=chosen)


def _short(name: str) -> str:
    said = wording.group(name)
    if said.family in ("", "Other groups"):
        return said.label
    return f"Chosen by {said.label} people" if name.startswith("item:popularity=") else said.label


def _table(record: Record, shares: dict[tuple[str, str], Entry], names: list[str]) -> list[Entry]:
    rows = []
    for name in names:
        chosen = next((e["relevance"] for (_, group), e in shares.items() if group == name), None)
        cells = [shares.get((arm, name)) for arm in record.names]
        said = wording.group(name)
        rows.append(
            {
                "family": said.family,
                "label": said.label,
                "chosen": wording.percent(chosen, 2),
                "cells": [
                    wording.percent(cell["exposure"], 2) if cell else wording.NOTHING for cell in cells
                ],
            }
        )
    return rows


def _moves(record: Record, shares: dict[tuple[str, str], Entry], names: list[str]) -> Entry | None:
    """For the arm of the answer: the group that gains most attention, and the one that loses most."""
    arm = record.others[0]
    moved = []
    for name in names:
        ends = [
            found["exposure"] if (found := shares.get((a, name))) else None for a in (record.baseline, arm)
        ]
        if ends[0] is not None and ends[1] is not None:
            moved.append((ends[1] - ends[0], name, ends))
    if len(moved) < 2:
        return None
    ordered = sorted(moved, key=lambda one: one[0])
    up, down = (
        {
            "phrase": wording.phrase(name),
            "before": wording.percent(ends[0]),
            "after": wording.percent(ends[1]),
        }
        for _, name, ends in (ordered[-1], ordered[0])
    )
    return {"arm": arm, "up": up, "down": down} if ordered[-1][0] > 0 > ordered[0][0] else None


def _lists(record: Record) -> Entry | None:
    """What the lists look like beside accuracy: one line an arm."""
    found = {m for (_, _, name, m) in record.figures if name == "overall"}
    metrics = [
        m
        for stem in LISTS
        for m in sorted(found)
        if m.partition("@")[0] == stem and wording.same_cut(m, record.metric)
    ]
    return _by_arm(record, "overall", metrics) if metrics else None


def _by_arm(record: Record, name: str, metrics: list[str]) -> Entry:
    rows = []
    for arm in record.names:
        cells = []
        for metric in metrics:
            entry = record.figure(arm, name, metric)
            has = entry is not None and entry["low"] is not None and entry["high"] is not None
            cells.append(
                {
                    "mean": wording.number(entry["mean"] if entry else None),
                    "between": wording.between(entry["low"], entry["high"]) if entry and has else "",
                }
            )
        rows.append({"arm": arm, "cells": cells})
    columns = [{"label": wording.metric(m), "meaning": wording.meaning(m)} for m in metrics]
    return {"columns": columns, "rows": rows}


def new_items(record: Record) -> dict[str, Any]:
    """Accuracy among new items, and the places they get against what people chose."""
    overall = {metric for (_, _, name, metric) in record.figures if name == "overall"}
    share = next((m for m in sorted(overall) if m.startswith("cold_slots@")), None)
    found = record.figure(record.baseline, "overall", "cold_relevance")
    chosen = found["mean"] if found else None
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
    users = record.figure(record.baseline, "cold", record.metric)
    return {
        "chart": chart,
        "said": said,
        "baseline": record.baseline,
        "arm": record.chosen or record.others[0],
        "table": _by_arm(record, "cold", cold) if cold else None,
        "users": wording.count(users["users"]) if users else "",
    }
