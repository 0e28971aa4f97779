"""Checks of ids: each defect planted in a clean shop."""

from __future__ import annotations

import pytest
from data.checks.cases import positions
from plain_tables import (
    EVENTS,
    ITEMS,
    NOW,
    USERS,
    Case,
    Shop,
    again,
    assert_found,
    each,
    put,
)  # fmt: skip


def shared_position(shop: Shop) -> None:
    positions(shop)
    user = shop.rows[EVENTS][0]["user_id"]
    second = [r for r in shop.rows[EVENTS] if r["user_id"] == user][1]
    second["position"] = 0
    shop.rows[EVENTS].sort(key=lambda r: r is second)  # now the last row


def numeric_users(shop: Shop) -> None:
    for table in (EVENTS, USERS):
        each(table, "user_id", lambda _, user: user[1:])(shop)


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
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.defect)
def test_planted_defect_is_found_where_it_is(case: Case) -> None:
    assert_found(case)
