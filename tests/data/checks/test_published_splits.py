"""Checks of published splits: each defect planted in a clean split."""

from __future__ import annotations

import pytest
from plain_tables import EVENTS, NOW, SPLIT, Case, Plant, Shop, assert_found, findings, plain

from sidelight.data.checks import check


def divided(shop: Shop) -> None:
    """A split at two times."""
    shop.rows[EVENTS].sort(key=lambda r: r["timestamp"])
    for at, row in enumerate(shop.rows[EVENTS]):
        part = "train" if at < 1200 else "validation" if at < 1350 else "test"
        shop.split.append({"user_id": row["user_id"], "item_id": row["item_id"], "split": part})


def with_(change: Plant) -> Plant:
    def plant(shop: Shop) -> None:
        divided(shop)
        change(shop)

    return plant


def twice(shop: Shop) -> None:
    shop.split.append({**shop.split[0], "split": "test"})


def stranger(shop: Shop) -> None:
    shop.split[4] = {"user_id": "u10", "item_id": "i999", "split": "train"}


def nameless(shop: Shop) -> None:
    for row in shop.split:
        row["split"] = "fold"


def late_training(shop: Shop) -> None:
    shop.split[1499]["split"] = "train"


def early_test(shop: Shop) -> None:
    shop.split[20]["split"] = "test"


def back_in_test(shop: Shop) -> None:
    """The last event is a user coming back to the item of the first."""
    for rows in (shop.rows[EVENTS], shop.split):
        rows[1499] |= {"user_id": rows[0]["user_id"], "item_id": rows[0]["item_id"]}


def untrained(key: str) -> Plant:
    """The id of the last row stays in that test row alone; its other rows go to validation."""

    def plant(shop: Shop) -> None:
        last = shop.split[1499]
        for row in shop.split[:1499]:
            if row[key] == last[key]:
                row["split"] = "validation"

    return plant


CASES = [
    Case("split-overlap", SPLIT, with_(twice), 1501, "user_id"),
    Case("split-unknown-pair", SPLIT, with_(stranger), 5, "user_id", 1, ("split-uncovered",)),
    Case("split-uncovered", EVENTS, with_(lambda shop: shop.split.pop(9)), 10, "user_id"),
    Case("split-no-train", SPLIT, with_(nameless), None, "split", 1500),
    Case("split-time-leak", SPLIT, with_(late_training), 1500, "user_id"),
    Case("split-time-leak", SPLIT, with_(early_test), 21, "user_id"),
    Case("split-cold-item", SPLIT, with_(untrained("item_id")), 1500, "item_id"),
    Case("split-cold-user", SPLIT, with_(untrained("user_id")), 1500, "user_id"),
    Case("split-repeat", SPLIT, with_(back_in_test), 1500, "user_id", 1, ("repeated-pair",)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.defect)
def test_planted_defect_is_found_where_it_is(case: Case) -> None:
    assert_found(case)


def test_a_split_in_time_has_no_defect_and_one_at_random_leaks_time() -> None:
    shop = plain()
    divided(shop)
    assert findings(shop) == []
    for at, row in enumerate(shop.split):
        row["split"] = ["train", "train", "test"][at % 3]
    (leak,) = findings(shop)
    assert leak.defect == "split-time-leak" and leak.count > 450


def test_order_of_positions_is_not_time() -> None:
    """Without timestamps nothing is said about the order of the parts."""
    shop = plain()
    divided(shop)
    shop.schema[EVENTS] = [c for c in shop.schema[EVENTS] if c.name != "timestamp"]
    for row in shop.rows[EVENTS]:
        del row["timestamp"]
    shop.split[3]["split"], shop.split[1400]["split"] = "test", "train"
    assert not [f for f in check(shop.raw(), split=shop.published(), now=NOW) if "leak" in f.defect]
