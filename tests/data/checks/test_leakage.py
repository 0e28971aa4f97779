"""Checks of leakage: each defect planted in a clean shop."""

from __future__ import annotations

from collections import Counter

import pytest
from plain_tables import (
    EVENTS,
    ITEMS,
    USERS,
    Case,
    Shop,
    assert_found,
    column,
    declare,
    put,
)  # fmt: skip


def popular_number(shop: Shop) -> None:
    count = Counter(r["item_id"] for r in shop.rows[EVENTS])
    shop.column(ITEMS, "shelf", "number", [2.5 * count[r["item_id"]] for r in shop.rows[ITEMS]])


REVIEWS = column(ITEMS, "num_reviews", "number", lambda i: i * 7919 % 113 / 2)


CASES = [
    Case("popularity-leak", ITEMS, popular_number, None, "shelf", 120),
    Case("after-launch-name", ITEMS, REVIEWS, None, "num_reviews", 120),
    Case("after-launch-content", ITEMS, declare(ITEMS, "price", known_at_launch=False), None, "price", 120),
    Case("sensitive-unmarked", USERS, declare(USERS, "gender", sensitive=False), None, "gender", 80),
    Case("consent-missing", USERS, declare(USERS, "gender", consent=None), None, "gender", 80),
    Case("consent-unknown-column", USERS, declare(USERS, "gender", consent="agreedd"), None, "gender", 80),
    Case("consent-refused", USERS, put(USERS, "agreed", 20, 21, value=None), 1, "gender", 3),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.defect)
def test_planted_defect_is_found_where_it_is(case: Case) -> None:
    assert_found(case)
