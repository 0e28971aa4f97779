"""Differences to the baseline: by slice, by subgroup, beside costs, and with another baseline."""

from __future__ import annotations

import math
from typing import Any

from sidelight.experiment.record_schema import FEW, Entry
from sidelight.report import charts, wording
from sidelight.report.load_record import Record

NAMED = 2  # arms that a sentence names
ALIKE = 4  # charts share an axis unless one would shrink the others by more than this
COSTS = {
    "seconds": ("Seconds of one fit", 1),
    "megabytes": ("MB of the bundle", 2),
    "milliseconds": ("ms of one list", 2),
}


def slices(record: Record) -> dict[str, Any]:
    """Return a forest of differences per slice, and tables of means."""
    names = record.main_slices
    forests = {name: rows for name in names if (rows := _forest_rows(record, name))}
    ends = {name: charts.reach(rows) for name, rows in forests.items()}
    widths = [high - low for low, high in ends.values()]
    alike = bool(widths) and max(widths) <= ALIKE * min(widths)
    whole = (min(low for low, _ in ends.values()), max(high for _, high in ends.values())) if alike else None
    metric = wording.metric(record.metric)
    panels = []
    for name, rows in forests.items():
        title = f"{wording.SLICES[name]}: difference in {metric} from {record.baseline}"
        chart = charts.forest(f"{record.view}forest-{name}", title, rows, whole)
        panels.append({"label": wording.SLICES[name], "meaning": wording.MEANINGS[name], "chart": chart})
    return {
        "panels": panels,
        "alike": alike,
        "metric": metric,
        "tables": _mean_tables(record, names),
        "said": [_summary(name, rows) for name, rows in forests.items()],
    }


def _forest_rows(record: Record, name: str) -> list[charts.ForestRow]:
    found = ((arm, record.difference(arm, name)) for arm in record.others)
    return [
        charts.ForestRow(record.label(arm), gap["mean"], gap["low"], gap["high"], record.verdict(gap))
        for arm, gap in found
        if gap is not None and gap["mean"] is not None
    ]


def metrics_of(record: Record, names: list[str]) -> list[str]:
    """Return the metrics that have figures in some slices, at the cut-off of the main one, which is first.

    Beside other slices, metrics of the one list alone are left out.
    """
    seen = dict.fromkeys([record.metric])
    for _, _, name, metric in record.figures:
        beside = name != "overall" or names == ["overall"]
        if name in names and beside and wording.same_cut(metric, record.metric):
            seen[metric] = None
    return list(seen)


def _mean_tables(record: Record, names: list[str]) -> list[Entry]:
    """Return the means of all arms per metric, one column per slice."""
    return [
        {
            "metric": wording.metric(metric),
            "meaning": wording.meaning(metric),
            "columns": [wording.SLICES[name] for name in names],
            "rows": [
                {"arm": arm, "cells": [_mean_cell(record, arm, name, metric) for name in names]}
                for arm in record.names
            ],
            "main": metric == record.metric,
        }
        for metric in (metrics_of(record, names) if names else ())
    ]


def _mean_cell(record: Record, arm: str, name: str, metric: str) -> Entry:
    found, verdict = record.figure(arm, name, metric), record.verdict(record.difference(arm, name, metric))
    return {
        "mean": wording.mean(found),
        "between": wording.bounds(found),
        "sure": wording.mark(verdict),
        "verdict": verdict,
    }


def _summary(name: str, rows: list[charts.ForestRow]) -> Entry:
    """Return the arms that are clearly better or worse: by name while they are few, else their number."""
    sides: list[Entry] = []
    for side in ("better", "worse"):
        arms = [row.label for row in rows if row.verdict == side]
        if arms:
            sides.append({"side": side, "arms": arms if len(arms) <= NAMED else [], "count": len(arms)})
    rest = len(rows) - sum(side["count"] for side in sides)
    return {"label": wording.SLICES[name], "sides": sides, "rest": rest}


def groups(record: Record) -> dict[str, Any]:
    """Return a table of signed differences: a line per slice or subgroup, a column per arm."""
    arms = record.others
    names = [name for name in record.slices if any(record.difference(arm, name) for arm in arms)]
    found = {(arm, name): record.difference(arm, name) for name in names for arm in arms}
    largest = max((abs(d["mean"]) for d in found.values() if d and d["mean"] is not None), default=0.0)
    families: dict[str, list[Entry]] = {}
    for name in names:
        family, label = wording.group(name)
        known = [gap["users"] for arm in arms if (gap := found[arm, name]) and gap["users"] is not None]
        row = {
            "label": label,
            "users": wording.count(max(known, default=None)),
            "few": max(known, default=0) < FEW,
            "cells": [_group_cell(record, arm, name, largest) for arm in arms],
        }
        if name.partition("=")[0] in record.values["sensitive"]:
            family += " (sensitive: always audited)"
        families.setdefault(family, []).append(row)
    return {
        "arms": arms,
        "families": [{"label": label, "rows": rows} for label, rows in families.items()],
        "metric": wording.metric(record.metric),
        "said": _extremes(record, names),
        "subgroups": any(families),
    }


def _group_cell(record: Record, arm: str, name: str, largest: float) -> Entry:
    found = record.difference(arm, name)
    if found is None or found["mean"] is None:
        return {"text": wording.NOTHING, "side": "none", "strength": "0", "sure": "", "title": "not measured"}
    verdict, mean = record.verdict(found), found["mean"]
    # The root lets small differences be seen beside large ones; the numbers keep the truth.
    strength = math.sqrt(abs(mean) / largest) if largest else 0.0
    holm = f"; p (Holm) {wording.number(found['p_holm'])}" if found["p_holm"] is not None else ""
    figures = f"{wording.signed(mean)}, {wording.bounds(found, sign=True)}{holm}"
    return {
        "text": wording.short(mean),
        "side": "none" if verdict == "few" or mean == 0 else "up" if mean > 0 else "down",
        "strength": f"{strength:.2f}",
        "sure": wording.mark(verdict),
        "title": f"{arm}, {wording.phrase(name)}: {figures}; {wording.VERDICTS[verdict][1]}",
    }


def _extremes(record: Record, names: list[str]) -> list[Entry]:
    """Return the largest clear gain and loss among subgroups, or among all slices without subgroups."""
    parts = [name for name in names if name not in wording.SLICES] or names
    clear = [
        (found["mean"], arm, name)
        for name in parts
        for arm in record.others
        if arm not in record.leaked  # the largest gain of all, as a rule
        and (found := record.difference(arm, name))
        and found["mean"] is not None
        and wording.mark(record.verdict(found))
    ]
    ends = {"gain": max(clear, default=None), "loss": min(clear, default=None)}
    return [
        {
            "title": f"Largest clear {side}",
            "arm": found[1],
            "group": wording.phrase(found[2]),
            "mean": wording.short(found[0]),
        }
        for side, found in ends.items()
        if found is not None and (found[0] > 0) == (side == "gain")
    ]


def costs(record: Record) -> dict[str, Any]:
    """Return a line per arm: gain in one list, seconds of a fit, size of its bundle, time of one list."""
    rows = []
    for arm in record.names:
        runs = [run for run in record.values["runs"] if (run["arm"], run["keep"]) == (arm, record.full)]
        found = record.difference(arm, "overall")
        verdict = record.verdict(found)
        gain = f"{wording.short(found['mean'])} {wording.mark(verdict)}".strip() if found else wording.NOTHING
        cells = [_mean_cost(runs, name) for name in COSTS]
        rows.append({"arm": arm, "gain": gain, "verdict": verdict, "cells": cells})
    return {
        "columns": [title for title, _ in COSTS.values()],
        "rows": rows if any(cell != wording.NOTHING for row in rows for cell in row["cells"]) else [],
        "metric": wording.metric(record.metric),
    }


def _mean_cost(runs: list[Entry], name: str) -> str:
    known = [run[name] for run in runs if run.get(name) is not None]
    return f"{sum(known) / len(known):,.{COSTS[name][1]}f}" if known else wording.NOTHING


def baselines(record: Record) -> dict[str, Any]:
    """Return the answer, a chart per slice and the table of groups for each other arm as the baseline."""
    views = [record.against(at) for at in range(len(record.values["against"]))]
    return {
        "views": [
            {
                "baseline": view.baseline,
                "sentence": wording.sentence(view.values["answer"]["sentence"]),
                "slices": slices(view),
                "groups": groups(view),
            }
            for view in views
        ]
    }
