"""Checks of activity: each defect planted in a clean shop."""

from __future__ import annotations

import pytest
from plain_tables import (
    DAY,
    EVENTS,
    ITEMS,
    NOW,
    USERS,
    Case,
    Shop,
    assert_found,
    each,
    findings,
    plain,
)  # fmt: skip  # fmt: skip


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


def short(shop: Shop) -> None:
    del shop.rows[EVENTS][900:]


COME_BACK = ("repeated-pair",)


CASES = [
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


def test_no_item_table_and_a_bare_one_are_both_no_content() -> None:
    shop = plain()
    del shop.rows[ITEMS]
    assert [f.defect for f in findings(shop)] == ["no-content"]
    shop = plain()
    shop.rows[ITEMS] = [{"item_id": r["item_id"]} for r in shop.rows[ITEMS]]
    shop.schema[ITEMS] = shop.schema[ITEMS][:1]
    assert [f.defect for f in findings(shop)] == ["no-content"]
