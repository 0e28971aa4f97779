"""Checks of times: each defect planted in a clean shop."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from data.checks.cases import positions
from plain_tables import (
    DAY,
    EVENTS,
    NOW,
    Case,
    Shop,
    assert_found,
    each,
    put,
)  # fmt: skip

IMPORTED = NOW - 50 * DAY + 17


LONG_AGO = int(datetime(1969, 7, 20, tzinfo=UTC).timestamp() * 1e6)


def ties_by_id(shop: Shop) -> None:
    """Each user's events get one time and are written in the order of the item ids."""
    shop.rows[EVENTS].sort(key=lambda r: (r["user_id"], r["item_id"]))
    for row in shop.rows[EVENTS]:
        row["timestamp"] = NOW - (int(row["user_id"][1:]) % 50 + 2) * DAY + 17_000_000_001


def items_by_position(shop: Shop) -> None:
    shop.rows[EVENTS].sort(key=lambda r: r["item_id"])
    positions(shop)


def one_after_the_other(shop: Shop) -> None:
    """Each user acts within an hour; they come over most of a year."""
    for at, row in enumerate(shop.rows[EVENTS]):
        row["timestamp"] = NOW - (int(row["user_id"][1:]) * 3 + 1) * DAY + at % 3000 * 1_000_000 + 1


def whole_day(_: int, when: int) -> int:
    return when // DAY * DAY


CASES = [
    Case("time-unit", EVENTS, put(EVENTS, "timestamp", 8, value=NOW // 1000), 8, "timestamp"),
    Case("time-unit", EVENTS, each(EVENTS, "timestamp", lambda _, t: t // 1000_000), 1, "timestamp", 1500),
    Case("impossible-time", EVENTS, put(EVENTS, "timestamp", 1008, 9, value=0), 9, "timestamp", 2),
    Case("impossible-time", EVENTS, put(EVENTS, "timestamp", 8, value=LONG_AGO), 8, "timestamp"),
    Case("future-time", EVENTS, put(EVENTS, "timestamp", 1200, value=NOW + 9 * DAY), 1200, "timestamp"),
    Case("before-launch", EVENTS, put(EVENTS, "timestamp", 1001, value=NOW - 700 * DAY), 1001, "item_id"),
    Case("day-resolution", EVENTS, each(EVENTS, "timestamp", whole_day), None, "timestamp", 1500),
    Case("bulk-time", EVENTS, put(EVENTS, "timestamp", *range(3, 400), value=IMPORTED), 3, "timestamp", 397),
    Case("order-follows-id", EVENTS, ties_by_id, 1, "item_id", 1420, ("brief-users",)),
    Case("order-follows-id", EVENTS, items_by_position, None, "item_id", 1420),
    Case("brief-users", EVENTS, one_after_the_other, None, "", 80),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.defect)
def test_planted_defect_is_found_where_it_is(case: Case) -> None:
    assert_found(case)
