"""Which arm helped whom: signed differences for every slice and subgroup."""

from __future__ import annotations

import math
from typing import Any

from sidelight.report import wording
from sidelight.report.load_record import Entry, Record


def groups(record: Record) -> dict[str, Any]:
    """A table with a line for each slice or subgroup and a column for each arm."""
    names = [n for n in record.slices if any(record.difference(a, n, record.metric) for a in record.others)]
    found = [d for n in names for a in record.others if (d := record.difference(a, n, record.metric))]
    largest = max((abs(d["mean"]) for d in found if d["mean"] is not None), default=0.0)
    families: dict[str, list[Entry]] = {}
    for name in names:
        said = wording.group(name)
        row = {
            "label": said.label,
            "users": wording.count(_users(record, name)),
            "few": (_users(record, name) or 0) < wording.FEW,
            "cells": [_cell(record, arm, name, largest) for arm in record.others],
        }
        audited = name.partition("=")[0] in record.values["sensitive"]
        family = f"{said.family} (sensitive: always audited)" if audited else said.family
        families.setdefault(family, []).append(row)
    return {
        "arms": record.others,
        "families": [{"label": label, "rows": rows} for label, rows in families.items()],
        "metric": wording.metric(record.metric),
        "said": _extremes(record, names),
        "subgroups": any(label for label in families),
    }


def _users(record: Record, name: str) -> float | None:
    known = [d["users"] for a in record.others if (d := record.difference(a, name, record.metric))]
    return max((users for users in known if users is not None), default=None)


def _cell(record: Record, arm: str, name: str, largest: float) -> Entry:
    found = record.difference(arm, name, record.metric)
    if found is None or found["mean"] is None:
        return {"text": wording.NOTHING, "side": "none", "strength": "0", "sure": "", "title": "not measured"}
    verdict = wording.verdict(found, record.level)
    said = wording.VERDICTS[verdict][1]
    mean = found["mean"]
    # The root lets small differences be seen beside large ones; the numbers keep the truth.
    strength = math.sqrt(abs(mean) / largest) if largest else 0.0
    holm = f"; p (Holm) {wording.number(found['p_holm'])}" if found["p_holm"] is not None else ""
    between = wording.between(found["low"], found["high"], sign=True)
    return {
        "text": wording.short(mean),
        "side": "none" if verdict == "few" or mean == 0 else "up" if mean > 0 else "down",
        "strength": f"{strength:.2f}",
        "sure": wording.mark(verdict),
        "title": f"{arm}, {wording.phrase(name)}: {wording.signed(mean)}, {between}{holm}; {said}",
    }


def _extremes(record: Record, names: list[str]) -> list[Entry]:
    """The largest clear gain and the largest clear loss among subgroups, or among all where none are."""
    parts = [name for name in names if name not in wording.SLICES] or names
    clear = [
        (found["mean"], arm, name)
        for name in parts
        for arm in record.others
        if arm not in record.leaked  # the largest gain of all, as a rule
        and (found := record.difference(arm, name, record.metric))
        and found["mean"] is not None
        and wording.verdict(found, record.level) in ("better", "worse")
    ]
    said = []
    for title, best in (
        ("Largest clear gain", max(clear, default=None)),
        ("Largest clear loss", min(clear, default=None)),
    ):
        if best is not None and (best[0] > 0) == title.endswith("gain"):
            said.append(
                {
                    "title": title,
                    "arm": best[1],
                    "group": wording.phrase(best[2]),
                    "mean": wording.short(best[0]),
                }
            )
    return said
