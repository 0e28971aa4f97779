"""Defects of ids, times and behaviour, each planted in a clean shop."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from plain_tables import (
    DAY,
    EVENTS,
    ITEMS,
    NOW,
    USERS,
    Case,
    Column,
    Shop,
    again,
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


def positions(shop: Shop) -> None:
    """The place in the file takes the place of the time."""
    shop.schema[EVENTS] = [c for c in shop.schema[EVENTS] if c.name != "timestamp"]
    seen: dict[str, int] = {}
    for row in shop.rows[EVENTS]:
        del row["timestamp"]
        row["position"] = seen[row["user_id"]] = seen.get(row["user_id"], -1) + 1
    shop.schema[EVENTS].append(Column("position", "position"))


def shared_position(shop: Shop) -> None:
    positions(shop)
    user = shop.rows[EVENTS][0]["user_id"]
    second = [r for r in shop.rows[EVENTS] if r["user_id"] == user][1]
    second["position"] = 0
    shop.rows[EVENTS].sort(key=lambda r: r is second)  # now the last row


def items_by_position(shop: Shop) -> None:
    shop.rows[EVENTS].sort(key=lambda r: r["item_id"])
    positions(shop)


def one_after_the_other(shop: Shop) -> None:
    """Each user acts within an hour; they come over most of a year."""
    for at, row in enumerate(shop.rows[EVENTS]):
        row["timestamp"] = NOW - (int(row["user_id"][1:]) * 3 + 1) * DAY + at % 3000 * 1_000_000 + 1


def in_a_second(shop: Shop) -> None:
    first = shop.rows[EVENTS][0]
    for at in range(30):
        shop.rows[EVENTS].append({**first, "item_id": f"i{at + 100}", "timestamp": NOW - 9 * DAY + at})


def one_bot(shop: Shop) -> None:
    """One user has 1,000 events, 250 others have two each."""
    each(EVENTS, "user_id", lambda at, _: "bot" if at < 1000 else f"v{at % 250}")(shop)
    each(EVENTS, "item_id", lambda at, _: f"i{at % 120 + 100}")(shop)
    each(EVENTS, "timestamp", lambda at, _: NOW - 300 * DAY + at * 17_000_000_017)(shop)
    users = sorted({r["user_id"] for r in shop.rows[EVENTS]})
    shop.rows[USERS] = [
        {"user_id": u, "gender": "fm"[at % 2], "agreed": "yes" if at else "no"} for at, u in enumerate(users)
    ]


def one_hit(shop: Shop) -> None:
    """One item takes most of many more events."""
    rows = shop.rows[EVENTS]
    for at in range(10_000):
        item = f"i{at % 120 + 100}" if at % 20 == 0 else "i103"
        rows.append({**rows[at % 1500], "item_id": item, "timestamp": rows[at % 1500]["timestamp"] - at - 1})


def half_idle(shop: Shop) -> None:
    """No event on the last 50 items; times moved so that no event is the same as another."""
    each(EVENTS, "item_id", lambda at, _: f"i{at % 70 + 100}")(shop)
    each(EVENTS, "timestamp", lambda at, when: when + at)(shop)


def lone_users(shop: Shop) -> None:
    """80 users with many events are joined by 100 with one."""
    for at in range(100):
        shop.rows[EVENTS].append({**shop.rows[EVENTS][at], "user_id": f"v{at}"})
        shop.rows[USERS].append({"user_id": f"v{at}", "gender": "f", "agreed": "yes"})


def numeric_users(shop: Shop) -> None:
    for table in (EVENTS, USERS):
        each(table, "user_id", lambda _, user: user[1:])(shop)


def whole_day(_: int, when: int) -> int:
    return when // DAY * DAY


def short(shop: Shop) -> None:
    del shop.rows[EVENTS][900:]


COME_BACK = ("repeated-pair",)
CASES = [
    Case("duplicate-interaction", EVENTS, again(EVENTS, 7), 1501, "user_id"),
    Case("conflicting-weight", EVENTS, again(EVENTS, 7, weight=9.0), 1501, "weight"),
    Case("repeated-pair", EVENTS, again(EVENTS, 7, timestamp=NOW - 5), 1501, "user_id"),
    Case("repeated-position", EVENTS, shared_position, 1500, "position"),
    Case("duplicate-item-row", ITEMS, again(ITEMS, 3), 121, "item_id"),
    Case("conflicting-item-row", ITEMS, again(ITEMS, 3, price=1.0), 121, "item_id"),
    Case("duplicate-user-row", USERS, again(USERS, 3), 81, "user_id"),
    Case("conflicting-user-row", USERS, again(USERS, 3, gender="f"), 81, "user_id"),
    Case("orphan-item", EVENTS, put(EVENTS, "item_id", 1003, 1004, value="new"), 1003, "item_id", 2),
    Case("orphan-user", EVENTS, put(EVENTS, "user_id", 5, value="new"), 5, "user_id"),
    Case("similar-id", ITEMS, again(ITEMS, 9, item_id="I108 ", title="Lone"), 121, "item_id"),
    Case("similar-id", USERS, again(USERS, 9, user_id="U18"), 81, "user_id"),
    Case("text-number-id", EVENTS, numeric_users, None, "user_id", 1500),
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
    Case("event-burst", EVENTS, in_a_second, 1501, "user_id", 30, COME_BACK),
    Case("extreme-user", EVENTS, one_bot, 1, "user_id", 1000, COME_BACK),
    Case("extreme-item", EVENTS, one_hit, 240, "item_id", 9514, COME_BACK),
    Case("one-event-users", EVENTS, lone_users, 1501, "user_id", 100),
    Case("untouched-items", ITEMS, half_idle, 71, "item_id", 50, COME_BACK),
    Case("too-few-events", EVENTS, short, None, "", 900),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.defect)
def test_planted_defect_is_found_where_it_is(case: Case) -> None:
    assert_found(case)
