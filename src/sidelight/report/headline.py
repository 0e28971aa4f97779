"""The top of the page: who is better, by how much, and for which items."""

from __future__ import annotations

from typing import Any

from sidelight.report import charts, wording
from sidelight.report.load_record import Entry, Record


def answer(record: Record) -> dict[str, Any]:
    """The sentence, its interval and verdict, and a card each for new items, known items and one list."""
    given = record.values["answer"]
    shown = record.chosen or record.others[0]
    found = {
        "arm": shown,
        "baseline": record.baseline,
        "cards": _cards(record, shown),
        "metric": wording.metric(record.metric),
        "meaning": wording.meaning(record.metric),
        "part": record.values["part"],
        "others": len(record.others) - 1,
        "power": (given or {}).get("power"),
        "leaks": [one for one in record.values["warnings"] if one["kind"] == "leak"],
        "notes": [one for one in record.values["warnings"] if one["kind"] != "leak"],
    }
    if given is None or given["mean"] is None:
        nothing = "This comparison has no single answer: the sections below show what was measured."
        sentence = given["sentence"] if given else nothing
        return {**found, "sentence": sentence, "verdict": None, "interval": None}
    # The interval is the answer's own; users and the adjusted p-value stand with the difference.
    known = record.difference(shown, given["slice"], given["metric"]) or {}
    verdict = wording.verdict({**known, "low": given["low"], "high": given["high"]}, record.level)
    mark, word = wording.VERDICTS[verdict]
    if shown in record.leaked:
        verdict, mark, word = "leaked", "\u26a0", "may have seen the answer"
    interval = {
        "mean": wording.short(given["mean"]),
        "between": wording.between(given["low"], given["high"], sign=True),
        "known": given["low"] is not None and given["high"] is not None,
        "told": given["low"] is not None and f"{abs(given['low']):.4f}" in given["sentence"],
        "metric": wording.metric(given["metric"]),
        "slice": wording.group(given["slice"]).label.lower(),
    }
    return {
        **found,
        "sentence": given["sentence"].replace(" %", "\u00a0%"),
        "verdict": verdict,
        "mark": mark,
        "word": word,
    } | {"interval": interval}


def _cards(record: Record, arm: str) -> list[Entry]:
    """New items first: what the whole question is about."""
    rows = {}
    for name in ("cold", "warm", "overall"):
        found = record.difference(arm, name, record.metric)
        rows[name] = (
            charts.ForestRow(
                arm, found["mean"], found["low"], found["high"], wording.verdict(found, record.level)
            )
            if found
            else charts.ForestRow(arm, None)
        )
    ends = charts.reach(list(rows.values()))
    return [_card(record, arm, name, row, ends) for name, row in rows.items()]


def _card(record: Record, arm: str, name: str, row: charts.ForestRow, ends: tuple[float, float]) -> Entry:
    before = record.figure(record.baseline, name, record.metric)
    after = record.figure(arm, name, record.metric)
    levels = [found["mean"] if found else None for found in (before, after)]
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
        "before": wording.number(levels[0]),
        "after": wording.number(levels[1]),
        "change": wording.change(*levels),
        "users": wording.count(_users(record, arm, name)),
    }
    if card["known"]:
        title = f"Difference for {wording.SLICES[name].lower()}"
        card["chart"] = charts.whisker(f"card-{name}", title, row, ends)
    return card


def _users(record: Record, arm: str, name: str) -> float | None:
    found = record.difference(arm, name, record.metric)
    return found["users"] if found else None
