"""Headline of the page: the answer with its interval, and a card per main slice."""

from __future__ import annotations

from typing import Any

from sidelight.experiment.record_schema import Entry
from sidelight.report import charts, wording
from sidelight.report.load_record import Record


def answer(record: Record) -> dict[str, Any]:
    """Return the sentence, its interval and verdict, and a card per main slice."""
    given = record.values["answer"]
    shown, warnings = record.shown, record.values["warnings"]
    found = {
        "arm": shown,
        "baseline": record.baseline,
        "cards": _cards(record, shown),
        "metric": wording.metric(record.metric),
        "meaning": wording.meaning(record.metric),
        "part": record.values["part"],
        "others": len(record.others) - 1,
        "power": (given or {}).get("power"),
        "leaks": [one for one in warnings if one["kind"] == "leak"],
        "notes": [one for one in warnings if one["kind"] != "leak"],
    }
    if given is None or given["mean"] is None:
        nothing = "This comparison has no single answer: the sections below show what was measured."
        return {
            **found,
            "sentence": given["sentence"] if given else nothing,
            "verdict": None,
            "interval": None,
        }
    # The interval is the answer's own; users and the adjusted p-value stand with the difference.
    known = record.difference(shown, given["slice"], given["metric"]) or {}
    low, high = given["low"], given["high"]
    verdict = record.verdict({**known, "low": low, "high": high})
    mark, word = wording.VERDICTS[verdict]
    if shown in record.leaked:
        verdict, mark, word = "leaked", "\u26a0", "may have seen the answer"
    interval = {
        "mean": wording.short(given["mean"]),
        "between": wording.between(low, high, sign=True),
        "known": low is not None and high is not None,
        "told": low is not None and f"{abs(low):.4f}" in given["sentence"],
        "metric": wording.metric(given["metric"]),
        "slice": wording.group(given["slice"]).label.lower(),
    }
    return {
        **found,
        "sentence": wording.sentence(given["sentence"]),
        "verdict": verdict,
        "mark": mark,
        "word": word,
        "interval": interval,
    }


def _cards(record: Record, arm: str) -> list[Entry]:
    """Return a card per main slice, new items first: they are what the question is about."""
    rows = {}
    for name in ("cold", "warm", "overall"):
        gap = record.difference(arm, name)
        known = gap or dict.fromkeys(("mean", "low", "high"))
        rows[name] = charts.ForestRow(arm, known["mean"], known["low"], known["high"], record.verdict(gap))
    ends = charts.reach(list(rows.values()))
    return [_card(record, arm, name, row, ends) for name, row in rows.items()]


def _card(record: Record, arm: str, name: str, row: charts.ForestRow, ends: tuple[float, float]) -> Entry:
    figures = record.figure(record.baseline, name), record.figure(arm, name)
    before, after = (found["mean"] if found else None for found in figures)
    mark, word = wording.VERDICTS[row.verdict]
    card = {
        "slice": name,
        "label": wording.SLICES[name],
        "meaning": wording.MEANINGS[name],
        "known": row.mean is not None,
        "bounded": row.low is not None and row.high is not None,
        "verdict": row.verdict,
        "mark": mark,
        "word": word,
        "mean": wording.short(row.mean),
        "between": wording.between(row.low, row.high, sign=True),
        "before": wording.number(before),
        "after": wording.number(after),
        "change": wording.change(before, after),
        "users": wording.count((record.difference(arm, name) or {}).get("users")),
    }
    if card["known"]:
        title = f"Difference for {wording.SLICES[name].lower()}"
        card["chart"] = charts.whisker(f"card-{name}", title, row, ends)
    return card
