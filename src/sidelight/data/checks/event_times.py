"""Checks of times: impossible ones, wrong units, and an order that is none."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.checks.checked_tables import DAY, Check, CheckedTables
from sidelight.data.findings import Finding
from sidelight.data.timestamps import iso_time

EARLIEST = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp() * 1e6)
UNITS = (1e-6, 1e-3, 1e3, 1e6)
ENOUGH = 50  # fewer cases than this prove no pattern


def plausible(t: CheckedTables) -> list[Finding]:
    """Report times outside 1990 to tomorrow; those that would fit in another unit separately."""
    times = _times(t)
    if times is None:
        return []
    latest = t.now + DAY
    bad = np.flatnonzero((times < EARLIEST) | (times > latest))
    value = times[bad].astype(np.float64)
    unit = np.zeros(len(bad), dtype=bool)
    for factor in UNITS:
        unit |= (value * factor >= EARLIEST) & (value * factor <= latest)
    early = times[bad] < EARLIEST
    found = []
    cases = (
        ("time-unit", unit, "would be sensible in another unit; reads as "),
        ("impossible-time", ~unit & early, "expected a time after 1990; found "),
        ("future-time", ~unit & ~early, "expected a time in the past; found "),
    )
    for defect, mask, message in cases:
        rows = bad[mask]
        when = iso_time(int(times[rows.min()])) if len(rows) else ""
        found += t.found(defect, "interactions", rows, message + when, "timestamp")
    return found


def before_launch(t: CheckedTables) -> list[Finding]:
    """Report events earlier than the day given in a date column of the item table."""
    times = _times(t)
    dates = [c.name for c in t.columns("items", "timestamp")]
    words = ("launch", "release", "publish", "created", "first")
    named = [n for n in dates if any(w in n.lower() for w in words)]
    column = next(iter(named), dates[0] if len(dates) == 1 else "")
    if times is None or not column:
        return []
    launch = t.items.select("item_id", __launch__=pl.col(column))
    launch = launch.drop_nulls().unique("item_id")
    dated = t.events.select("item_id").join(launch, on="item_id", how="left", maintain_order="left")
    # An event on the launch day is in order.
    day = dated["__launch__"].fill_null(-(2**62)).to_numpy() // DAY * DAY
    late = np.flatnonzero((times < day) & (times >= EARLIEST))  # impossible times are another defect
    items = t.events["item_id"].gather(late).n_unique()
    total = t.events_by_item.height
    message = f"earlier than {column!r} of the item, on {items:,} of {total:,} items; e.g. {{value}}"
    return t.found("before-launch", "interactions", late, message, "item_id")


def midnight(t: CheckedTables) -> list[Finding]:
    """Report times that are all whole days: nothing orders the events within a day."""
    times = _times(t)
    if times is None or len(times) < ENOUGH or (times % DAY != 0).any():
        return []
    return t.found("day-resolution", "interactions", None, "every time is at midnight", "timestamp")


def bulk(t: CheckedTables) -> list[Finding]:
    """Report one time that more than a fifth of all events, of several users, carry."""
    times = _times(t)
    if times is None or len(times) < ENOUGH or (times % DAY == 0).all():
        return []
    top = t.events.group_by("timestamp").len().top_k(1, by="len").row(0)
    rows = np.flatnonzero(times == top[0])
    if len(rows) <= 0.2 * len(times) or t.events["user_id"].gather(rows).n_unique() < 2:
        return []
    share = len(rows) / len(times)
    message = f"{share:.0%} of all events, of several users, are at {iso_time(top[0])}"
    return t.found("bulk-time", "interactions", rows, message, "timestamp")


def tie_order(t: CheckedTables) -> list[Finding]:
    """Report rows that follow the item id within one user and time: the file was only sorted.

    A method that keeps the last row of each user as the test then tests the highest id. Reported when
    more than 95 % of at least 50 neighbouring ties ascend; a true order gives about half.
    """
    order = next((c for c in ("timestamp", "position") if c in t.events.columns), None)
    if order is None:
        return []
    if order == "position":
        # Positions never tie: here the whole order may be made from the ids.
        frame = t.events.sort("user_id", "position").select("user_id", "item_id", when=pl.lit(0))
    else:
        frame = t.events.select("user_id", "item_id", when=order)
        frame = frame.with_row_index("at").filter(pl.struct("user_id", "when").is_duplicated())
        frame = frame.sort("user_id", "when", maintain_order=True)
    user, when, item = pl.col("user_id"), pl.col("when"), pl.col("item_id")
    tie = (user == user.shift()) & (when == when.shift())
    steps = frame.filter(tie & (item != item.shift())).height
    ascending = frame.filter(tie & (item > item.shift())).height
    if steps < ENOUGH or ascending <= 0.95 * steps:
        return []
    first = [int(frame["at"].min())] if "at" in frame.columns else None  # type: ignore[arg-type]
    message = f"{ascending:,} of {steps:,} neighbouring events with the same {order} ascend by item id"
    if order == "position":
        message = f"{ascending:,} of {steps:,} steps along the positions ascend by item id"
    return t.found("order-follows-id", "interactions", first, message, "item_id", ascending)


def brief_users(t: CheckedTables) -> list[Finding]:
    """Report that most users have all their events within a hundredth of the whole time."""
    times = _times(t)
    if times is None or len(times) < 2 or t.events_by_user.height < ENOUGH:
        return []
    sound = times[(times >= EARLIEST) & (times <= t.now + DAY)]
    span = int(np.ptp(sound)) if len(sound) else 0
    of_user = t.events.group_by("user_id").agg(
        n=pl.len(), span=pl.col("timestamp").max() - pl.col("timestamp").min()
    )
    several = of_user.filter(pl.col("n") > 1)["span"]
    if len(several) < ENOUGH or span <= 30 * DAY:
        return []
    brief = int((several < 0.01 * span).sum())
    if brief <= 0.5 * len(several):
        return []
    hours = float(several.median() or 0) / 3.6e9  # type: ignore[arg-type]
    message = f"half of the users did everything within {_span(hours)}, of {span / DAY:,.0f} days in all"
    return t.found("brief-users", "interactions", None, message, count=brief)


def _span(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def _times(t: CheckedTables) -> NDArray[np.int64] | None:
    """Return the times of all events, int64 (n_events,), or None when there are none."""
    if "timestamp" not in t.events.columns or not len(t.events):
        return None
    return t.events["timestamp"].cast(pl.Int64).to_numpy()


CHECKS: tuple[Check, ...] = (plausible, before_launch, midnight, bulk, tie_order, brief_users)
