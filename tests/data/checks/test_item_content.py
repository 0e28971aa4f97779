"""Checks of texts and labels: each defect planted in a clean shop; near copies against all pairs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from plain_tables import (
    ITEMS,
    Case,
    Column,
    Shop,
    again,
    assert_found,
    findings,
    plain,
    put,
)  # fmt: skip

from sidelight.data.checks import item_content


def one_more_word(shop: Shop) -> None:
    shop.rows[ITEMS][60]["title"] = shop.rows[ITEMS][20]["title"] + " again"


def linked_outside(shop: Shop) -> None:
    """Every item links to the first one, and row 9 to one that is not there."""
    for row in shop.rows[ITEMS]:
        row["related"] = [shop.rows[ITEMS][0]["item_id"]]
    shop.rows[ITEMS][8]["related"] = ["nowhere"]
    shop.schema[ITEMS].append(Column("related", "links"))


MIXED_UP = "Crème brûlée".encode().decode("cp1252")


CASES = [
    Case("blank-text", ITEMS, put(ITEMS, "title", 30, value="  \t"), 30, "title"),
    Case("placeholder-text", ITEMS, put(ITEMS, "title", 30, value="N/A"), 30, "title"),
    Case("placeholder-text", ITEMS, put(ITEMS, "brand", 30, value="Unknown"), 30, "brand"),
    Case("html-text", ITEMS, put(ITEMS, "title", 30, value="Fish <br/> chips for two"), 30, "title"),
    Case("html-text", ITEMS, put(ITEMS, "title", 30, value="Fish &amp; chips for two"), 30, "title"),
    Case("wrong-encoding", ITEMS, put(ITEMS, "title", 30, value=MIXED_UP), 30, "title"),
    Case("duplicate-content", ITEMS, put(ITEMS, "title", 30, 31, value="Same, Title!"), 31, "item_id"),
    Case("near-duplicate-content", ITEMS, one_more_word, 61, "item_id"),
    Case("label-variants", ITEMS, put(ITEMS, "brand", 17, value="Brand  3"), 17, "brand"),
    Case("label-variants", ITEMS, put(ITEMS, "facets", 17, value=["RED"]), 17, "facets"),
    Case("outside-link", ITEMS, linked_outside, 9, "related"),
    Case("tag-separator", ITEMS, put(ITEMS, "facets", 7, value=["red;blue"]), 7, "facets"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.defect)
def test_planted_defect_is_found_where_it_is(case: Case) -> None:
    assert_found(case)


def test_near_copies_agree_with_comparing_every_pair() -> None:
    rng = np.random.default_rng(3)
    base = [list(rng.choice(300, 9, replace=False)) for _ in range(150)]
    for at in range(0, 150, 3):  # a third of the texts lose or swap a word of the one before
        base[at + 1] = base[at][:-1] if at % 2 else [*base[at][:-1], 999]
    texts = pl.Series([" ".join(f"w{w}" for w in words) for words in base])
    sets = [set(words) for words in base]
    near = {
        (i, j) for j in range(150) for i in range(j) if len(sets[i] & sets[j]) >= 0.8 * len(sets[i] | sets[j])
    }
    got = set(map(tuple, item_content._near(texts).tolist()))
    assert got <= near
    assert len(near) == 50 and len(got) >= 48


def test_the_same_row_twice_is_not_two_items_with_one_text() -> None:
    shop = plain()
    again(ITEMS, 3)(shop)
    assert [f.defect for f in findings(shop)] == ["duplicate-item-row"]


@pytest.mark.parametrize(
    ("titles", "foreign"),
    [
        (["Rote Teekanne mit Deckel", "Lampe für den Tisch", "Zelt und Schlafsack"], True),
        (["Théière rouge avec couvercle", "La lampe du salon", "Tente pour deux"], True),
        (["चाय केतली", "लाल जूता", "बड़ा दीपक"], True),
        (["Красный чайник", "Лампа для стола", "red tea pot"], True),
        (["Red tea pot with lid", "The lamp of the window", "Tent for two"], False),
        (["kettle mug", "blue lamp pro", "running shirt 3"], False),
        (["tea pot", "the shoe", "Красный чайник"], False),
    ],
)
def test_texts_that_are_not_english_are_named_with_advice(titles, foreign):
    shop = plain()
    for at, row in enumerate(shop.rows[ITEMS]):
        row["title"] = f"{titles[at % 3]} {at}"
    found = [f for f in findings(shop) if f.defect == "not-english"]
    assert [f.column for f in found] == ["title"] * foreign
    assert all("multilingual" in f.fix for f in found)
