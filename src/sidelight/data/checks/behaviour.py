"""Checks of activity: bots, dominating items, and too few events to learn from."""

from __future__ import annotations

import numpy as np
import polars as pl

from sidelight.data.checks.checked_tables import DAY, Check, CheckedTables
from sidelight.data.findings import Finding

SECOND = 1_000_000
BURST = 20


def burst(t: CheckedTables) -> list[Finding]:
    """Report users with more than 20 events, and 20 times the median number, in one second.

    The median is over the seconds with an event: a basket has one time. Data whose
    times are all whole days are left out.
    """
    if "timestamp" not in t.events.columns or not len(t.events):
        return []
    if not (t.events["timestamp"].to_numpy() % DAY).any():
        return []
    keys = t.events.select("user_id", second=pl.col("timestamp") // SECOND)
    sizes = keys.group_by("user_id", "second").len()
    many = sizes.filter((pl.col("len") > BURST) & (pl.col("len") > BURST * pl.col("len").median()))
    if not len(many):
        return []
    rows = keys.join(many, on=["user_id", "second"], how="left", maintain_order="left")["len"].is_not_null()
    most, users = int(many["len"].max()), many["user_id"].n_unique()  # type: ignore[arg-type]
    message = f"up to {most:,} events in one second, {users:,} different users; e.g. {{value}}"
    return t.found("event-burst", "interactions", rows, message, "user_id")


def extremes(t: CheckedTables) -> list[Finding]:
    """Report a user or item far above the rest: over 100 times the median and a notable share of all."""
    found = []
    for key, what, counts, share in (
        ("user_id", "extreme-user", t.events_by_user, 0.01),
        ("item_id", "extreme-item", t.events_by_item, 0.05),
    ):
        total = len(t.events)
        if counts.height < 20:
            continue
        median = float(counts["n"].median() or 0)  # type: ignore[arg-type]
        top = counts.filter((pl.col("n") > 100 * median) & (pl.col("n") > share * total))
        if not len(top):
            continue
        rows = t.events[key].is_in(top[key].implode())
        part = f"{int(rows.sum()) / total:.1%} of all events"
        message = f"{part} are of {len(top):,} of {counts.height:,} {key[:-3]}s; e.g. {{value}}"
        found += t.found(what, "interactions", rows, message, key)
    return found


def little(t: CheckedTables) -> list[Finding]:
    """Report too few events, too many users with one, too many items with none, no content at all."""
    found, total = [], len(t.events)
    users, items = t.events_by_user, t.events_by_item
    if total < 1000 or (users.height and total < 2 * users.height):
        message = f"{total:,} events of {users.height:,} users"
        found += t.found("too-few-events", "interactions", None, message, count=total)
    once = users.filter(pl.col("n") == 1)
    if len(once) > 0.5 * users.height:
        rows = t.events["user_id"].is_in(once["user_id"].implode())
        message = f"{len(once) / users.height:.0%} of the users have one event; e.g. {{value}}"
        found += t.found("one-event-users", "interactions", rows, message, "user_id")
    if "item_id" not in t.items.columns or not t.columns("items"):
        return found + t.found("no-content", "items", None, "there is no item content")
    known = ~t.items["item_id"].is_in(items["item_id"].implode())
    share = float(known.mean() or 0)  # type: ignore[arg-type]
    if share > 0.2:
        message = f"{share:.0%} of the items have no event; e.g. {{value}}"
        found += t.found("untouched-items", "items", np.flatnonzero(known.to_numpy()), message, "item_id")
    return found


CHECKS: tuple[Check, ...] = (burst, extremes, little)
