"""Provenance of the figures: data, split, seeds, specs and versions, and every figure in tables."""

from __future__ import annotations

import json
from typing import Any

from sidelight.experiment.record_schema import Entry
from sidelight.report import wording
from sidelight.report.load_record import Record


def provenance(record: Record) -> dict[str, Any]:
    """Return data, split, seeds, specs, versions, command, runs, and all numbers by slice."""
    values = record.values
    return {
        "part": values["part"],
        "history": _test_history(values),
        "made": values["made"],
        "command": values.get("command"),
        "candidates": values.get("candidates"),
        "seeds": ", ".join(map(str, values["seeds"])) or wording.NOTHING,
        "keeps": ", ".join(wording.share_kept(keep) for keep in reversed(record.keeps)),
        "level": f"{100 * record.level:.4g}",
        "alpha": f"{1 - record.level:.4g}",
        **{name: _pairs(values[name]) for name in ("data", "split", "versions")},
        "arms": [_arm(record, arm) for arm in values["arms"]],
        "runs": [_run(record, run) for run in values["runs"]],
        "seconds": wording.count(sum(run["seconds"] or 0 for run in values["runs"])),
        "numbers": [_slice_figures(record, name) for name in record.slices],
    }


def _test_history(values: Entry) -> str:
    """Return the events that make up histories on the test part; empty where the record lacks them."""
    found = values.get("history")
    return found.replace("+", " and ") if isinstance(found, str) and values["part"] == "test" else ""


def _pairs(found: Entry) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), _readable(name, value)) for name, value in found.items()]


def _readable(name: str, value: Any) -> str:
    if value is None:
        return wording.NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "density" and isinstance(value, float):
        return wording.percent(value, 3)
    if isinstance(value, int):
        return wording.count(value) if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _arm(record: Record, arm: Entry) -> Entry:
    return {
        "name": arm["name"],
        "baseline": arm["name"] == record.baseline,
        "hash": arm["spec_hash"][:12],
        "differs": [str(text) for text in arm["differs"]],
        "spec": json.dumps(arm["spec"], indent=2, ensure_ascii=False),
    }


def _run(record: Record, run: Entry) -> Entry:
    """Return duration, epochs and best validation signal of one fit."""
    key = (run["arm"], run["keep"], run["seed"])
    epochs = [e for e in record.values["epochs"] if (e["arm"], e["keep"], e["seed"]) == key]
    signals = [e["signal"] for e in epochs if isinstance(e.get("signal"), (int, float))]
    return {
        "arm": run["arm"],
        "keep": wording.share_kept(run["keep"]),
        "seed": run["seed"],
        "seconds": wording.NOTHING if run["seconds"] is None else f"{run['seconds']:,.1f}",
        "epochs": len(epochs) or wording.NOTHING,
        "signal": wording.number(max(signals, default=None)),
        "hash": run["spec_hash"][:12],
    }


def _slice_figures(record: Record, name: str) -> Entry:
    """Return all figures and differences of one slice."""
    family, label = wording.group(name)
    figures = [e for key, e in record.figures.items() if key[2] == name]
    differences = [e for key, e in record.differences.items() if key[2] == name]
    metrics = list(dict.fromkeys(e["metric"] for e in figures))
    return {
        "label": f"{family}: {label}" if family else label,
        "metrics": [wording.metric(metric) for metric in metrics],
        "figures": _by_arm_and_share(figures, metrics),
        "count": len(figures),
        "differences": [_difference(record, e) for e in differences],
    }


def _by_arm_and_share(figures: list[Entry], metrics: list[str]) -> list[Entry]:
    """Return a line per arm and share of interactions, a column per metric."""
    lines: dict[tuple[str, float], dict[str, Entry]] = {}
    for found in figures:
        lines.setdefault((found["arm"], found["keep"]), {})[found["metric"]] = found
    rows = []
    for (arm, keep), own in lines.items():
        users = sorted({e["users"] for e in own.values() if e["users"]})
        cells = [
            (wording.mean(e), wording.bounds(e, none="")) if (e := own.get(m)) else ("", "") for m in metrics
        ]
        count = " to ".join(wording.count(n) for n in dict.fromkeys((users[0], users[-1]))) if users else "0"
        rows.append({"arm": arm, "keep": wording.share_kept(keep), "users": count, "cells": cells})
    return rows


def _difference(record: Record, found: Entry) -> list[str]:
    return [
        found["arm"],
        wording.share_kept(found["keep"]),
        wording.metric(found["metric"]),
        f"{wording.signed(found['mean'])} {wording.mark(record.verdict(found))}".strip(),
        wording.between(found["low"], found["high"], sign=True, exact=True),
        wording.number(found["p"]),
        wording.number(found["p_holm"]),
        wording.count(found["users"]),
        wording.percent(found["up"]),
        wording.percent(found["down"]),
    ]
