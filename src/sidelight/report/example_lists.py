"""Some people's lists before and after, with what came in, what left and what they went on to choose."""

from __future__ import annotations

from typing import Any

from sidelight.report.load_record import Entry, Record


def examples(record: Record) -> dict[str, Any]:
    """For each example person: the history, and the lists of the arms beside each other."""
    return {"people": [_person(record, found) for found in record.values["examples"]]}


def _person(record: Record, found: Entry) -> Entry:
    lists = {arm: found["lists"][arm] for arm in record.names if arm in found["lists"]}
    before = lists.get(record.baseline)
    front = [arm for arm in (record.baseline, record.chosen or record.others[0]) if arm in lists]
    # The baseline's marks say what leaves it for the arm beside it.
    against = lists.get(front[1]) if len(front) == 2 else None
    shown = [
        _list(arm, rows, against if arm == record.baseline else before, arm == record.baseline)
        for arm, rows in lists.items()
    ]
    return {
        "user": found["user"],
        "history": [_named(item) for item in found["history"]],
        "front": [one for one in shown if one["arm"] in front],
        "more": [one for one in shown if one["arm"] not in front],
    }


def _list(arm: str, rows: list[Entry], other: list[Entry] | None, baseline: bool) -> Entry:
    places = {row["item"]: at for at, row in enumerate(other or [], start=1)}
    return {
        "arm": arm,
        "baseline": baseline,
        "rows": [
            _marked(row, at, places, other is not None, baseline) for at, row in enumerate(rows, start=1)
        ],
        "hits": sum(bool(row.get("relevant")) for row in rows),
        "new": sum(bool(row.get("new")) for row in rows),
    }


def _marked(row: Entry, at: int, places: dict[str, int], compared: bool, baseline: bool) -> Entry:
    there = places.get(row["item"])
    moved = ""
    if compared and there is None:
        moved = "left" if baseline else "entered"
    return {
        **_named(row),
        "new": bool(row.get("new")),
        "relevant": bool(row.get("relevant")),
        "moved": moved,
        "from": there if there is not None and there != at and not baseline else None,
    }


def _named(row: Entry) -> Entry:
    """An item without a title is shown by its id."""
    return {"item": row["item"], "title": (row["title"] or "").strip() or row["item"]}
