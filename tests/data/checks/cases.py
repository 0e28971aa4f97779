"""Cases that several test files of this folder share."""

from __future__ import annotations

from plain_tables import EVENTS, Column, Shop


def positions(shop: Shop) -> None:
    """The place in the file takes the place of the time."""
    shop.schema[EVENTS] = [c for c in shop.schema[EVENTS] if c.name != "timestamp"]
    seen: dict[str, int] = {}
    for row in shop.rows[EVENTS]:
        del row["timestamp"]
        row["position"] = seen[row["user_id"]] = seen.get(row["user_id"], -1) + 1
    shop.schema[EVENTS].append(Column("position", "position"))
