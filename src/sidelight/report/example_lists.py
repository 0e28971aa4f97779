"""Example lists of a few users before and after: items that come in, items that leave, items chosen."""

from __future__ import annotations

from typing import Any

from sidelight.experiment.record_schema import Entry
from sidelight.report.load_record import Record


def examples(record: Record) -> dict[str, Any]:
    """Return the history of each example user, and the lists of the arms beside each other."""
    return {"users": [_user(record, found) for found in record.values["examples"]]}


def _user(record: Record, found: Entry) -> Entry:
    lists = {arm: found["lists"][arm] for arm in record.names if arm in found["lists"]}
    before = lists.get(record.baseline)
    front = [arm for arm in (record.baseline, record.shown) if arm in lists]
    # The baseline's marks name the items that the arm beside it leaves out.
    after = lists.get(front[1]) if len(front) == 2 else None
    shown = [
        _list(arm, rows, after if arm == record.baseline else before, arm == record.baseline)
        for arm, rows in lists.items()
    ]
    return {
        "user": found["user"],
        "history": [_item(item) for item in found["history"]],
        "front": [one for one in shown if one["arm"] in front],
        "more": [one for one in shown if one["arm"] not in front],
    }


def _list(arm: str, rows: list[Entry], other: list[Entry] | None, baseline: bool) -> Entry:
    places = {row["item"]: at for at, row in enumerate(other or [], start=1)}
    marked = []
    for at, row in enumerate(rows, start=1):
        place = places.get(row["item"])
        absent = other is not None and place is None
        marked.append(
            {
                **_item(row),
                "new": bool(row.get("new")),
                "relevant": bool(row.get("relevant")),
                "moved": ("left" if baseline else "entered") if absent else "",
                "from": None if place == at or baseline else place,
            }
        )
    return {
        "arm": arm,
        "baseline": baseline,
        "rows": marked,
        "hits": sum(row["relevant"] for row in marked),
        "new": sum(row["new"] for row in marked),
    }


def _item(row: Entry) -> Entry:
    """Return id and title; the id stands for a missing title."""
    return {"item": row["item"], "title": (row["title"] or "").strip() or row["item"]}
