"""The top of the page: who is better, by how much, and for which items."""

from __future__ import annotations

from typing import Any

from sidelight.report import charts, words
from sidelight.report.record import Entry, Record


def answer(record: Record) -> dict[str, Any]:
    """The sentence, its interval and verdict, and a card each for new items, known items and one list."""
    given = record.values["answer"]
    shown = record.chosen or record.others[0]
    found = {
        "arm": shown,
        "baseline": record.baseline,
        "cards": _cards(record, shown),
        "metric": words.metric(record.metric),
        "meaning": words.meaning(record.metric),
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
    verdict = words.verdict({**known, "low": given["low"], "high": given["high"]}, record.level)
    mark, word = words.VERDICTS[verdict]
    if shown in record.leaked:
        verdict, mark, word = "leaked", "\u26a0", "may have seen the answer"
    interval = {
        "mean": words.short(given["mean"]),
        "between": words.between(given["low"], given["high"], sign=True),
        "known": given["low"] is not None and given["high"] is not None,
        "told": given["low"] is not None and f"{abs(given['low']):.4f}" in given["sentence"],
        "metric": words.metric(given["metric"]),
        "slice": words.group(given["slice"]).label.lower(),
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
            charts.Row(arm, found["mean"], found["low"], found["high"], words.verdict(found, record.level))
            if found
            else charts.Row(arm, None)
        )
    ends = charts.reach(list(rows.values()))
    return [_card(record, arm, name, row, ends) for name, row in rows.items()]


def _card(record: Record, arm: str, name: str, row: charts.Row, ends: tuple[float, float]) -> Entry:
    before = record.figure(record.baseline, name, record.metric)
    after = record.figure(arm, name, record.metric)
    levels = [found["mean"] if found else None for found in (before, after)]
    mark, word = words.VERDICTS[row.verdict]
    card = {
        "slice": name,
        "label": words.SLICES[name],
        "meaning": words.MEANINGS[name],
        "known": row.mean is not None,
        "bounded": row.low is not None and row.high is not None,
        "verdict": row.verdict,
        "mark": mark,
        "word": word,
        "mean": words.short(row.mean),
        "between": words.between(row.low, row.high, sign=True),
        "before": words.number(levels[0]),
        "after": words.number(levels[1]),
        "change": words.change(*levels),
        "users": words.count(_users(record, arm, name)),
    }
    if card["known"]:
        title = f"Difference for {words.SLICES[name].lower()}"
        card["chart"] = charts.whisker(f"card-{name}", title, row, ends)
    return card


def _users(record: Record, arm: str, name: str) -> float | None:
    found = record.difference(arm, name, record.metric)
    return found["users"] if found else None
