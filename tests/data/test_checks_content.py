"""Defects of columns, texts, vectors and images, and what columns give away, each planted in a clean shop."""

from __future__ import annotations

import io
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from plain_tables import (
    EVENTS,
    ITEMS,
    NOW,
    USERS,
    Case,
    Shop,
    again,
    assert_found,
    column,
    declare,
    each,
    findings,
    plain,
    put,
)  # fmt: skip

from sidelight.data.checks import check, image_files, item_content
from sidelight.data.raw_tables import RawTables


def picture(pixels: tuple[int, int], shade: int = 0) -> bytes:
    """PNG bytes."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("L", pixels, shade).save(out, "PNG")
    return out.getvalue()


NO_PICTURE = b"\x89PNG\r\n\x1a\nnothing behind the signature"
HUGE = (20_000, 3_000)


def popular_number(shop: Shop) -> None:
    count = Counter(r["item_id"] for r in shop.rows[EVENTS])
    shop.column(ITEMS, "shelf", "number", [2.5 * count[r["item_id"]] for r in shop.rows[ITEMS]])


def one_more_word(shop: Shop) -> None:
    shop.rows[ITEMS][60]["title"] = shop.rows[ITEMS][20]["title"] + " again"


def ratings(row: int, _: float) -> float:
    return float(row % 5 + 1)


SHY = column(ITEMS, "size", "number", lambda i: i * 1.5 if i in (1, 7, 40) else None)
PAGES = column(ITEMS, "pages", "category", lambda i: "many" if i == 11 else str(i % 50))
MAKER = column(ITEMS, "maker", "category", lambda i: f"made by hand number {i}")
SHADE = column(ITEMS, "shade", "text", lambda i: ["red", "dark blue"][i % 2])
MODEL = column(ITEMS, "model", "category", lambda i: f"B00X{i}")
SERIAL = column(ITEMS, "serial", "number", lambda i: 500.0 + i)
REVIEWS = column(ITEMS, "num_reviews", "number", lambda i: i * 7919 % 113 / 2)
LOST = column(ITEMS, "photo", "image_path", lambda i: "no/such.png" if i > 77 else None)
BROKEN = column(ITEMS, "photo", "image_bytes", lambda i: NO_PICTURE if i == 5 else picture((9, 9), i))
GIANT = column(ITEMS, "photo", "image_bytes", lambda i: picture(HUGE if i == 5 else (9, 9), i))
SAME = column(ITEMS, "photo", "image_bytes", lambda i: picture((9, 9), max(i, 20)))
MIXED_UP = "Crème brûlée".encode().decode("cp1252")
INF, NAN = float("inf"), float("nan")

CASES = [
    Case("empty-column", ITEMS, column(ITEMS, "colour", "category", None), None, "colour", 120),
    Case("constant-column", ITEMS, column(ITEMS, "colour", "category", "red"), None, "colour", 120),
    Case("mostly-missing", ITEMS, SHY, 1, "size", 117),
    Case("number-as-text", ITEMS, PAGES, 12, "pages"),
    Case("text-in-category", ITEMS, MAKER, None, "maker", 120),
    Case("category-in-text", ITEMS, SHADE, None, "shade", 120),
    Case("id-like-content", ITEMS, MODEL, None, "model", 120),
    Case("id-like-content", ITEMS, SERIAL, None, "serial", 120),
    Case("number-nonfinite", ITEMS, put(ITEMS, "price", 4, value=INF), 4, "price"),
    Case("number-nonfinite", ITEMS, put(ITEMS, "price", 4, 5, value=NAN), 4, "price", 2),
    Case("number-outlier", ITEMS, put(ITEMS, "price", 90, value=1e9), 90, "price"),
    Case("sentinel-number", ITEMS, put(ITEMS, "price", 91, 90, value=-1.0), 90, "price", 2),
    Case("rating-as-weight", EVENTS, each(EVENTS, "weight", ratings), None, "weight", 600),
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
    Case("tag-separator", ITEMS, put(ITEMS, "facets", 7, value=["red;blue"]), 7, "facets"),
    Case("vector-length", ITEMS, put(ITEMS, "embedding", 50, value=[1.0, 2.0]), 50, "embedding"),
    Case("vector-nonfinite", ITEMS, put(ITEMS, "embedding", 50, value=[1.0, NAN, 1.0, 1.0]), 50, "embedding"),
    Case("vector-zero", ITEMS, put(ITEMS, "embedding", 50, value=[0.0] * 4), 50, "embedding"),
    Case("image-missing", ITEMS, LOST, 79, "photo", 42),
    Case("image-broken", ITEMS, BROKEN, 6, "photo"),
    Case("image-huge", ITEMS, GIANT, 6, "photo"),
    Case("image-repeated", ITEMS, SAME, 1, "photo", 21),
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


def test_no_item_table_and_a_bare_one_are_both_no_content() -> None:
    shop = plain()
    del shop.rows[ITEMS]
    assert [f.defect for f in findings(shop)] == ["no-content"]
    shop = plain()
    shop.rows[ITEMS] = [{"item_id": r["item_id"]} for r in shop.rows[ITEMS]]
    shop.schema[ITEMS] = shop.schema[ITEMS][:1]
    assert [f.defect for f in findings(shop)] == ["no-content"]


def test_images_are_found_beside_the_file_that_names_them_and_opened_up_to_a_limit(tmp_path: Path) -> None:
    for name, data in (("a.png", picture((4, 4))), ("b.png", NO_PICTURE)):
        (tmp_path / name).write_bytes(data)
    shop = plain()
    column(ITEMS, "photo", "image_path", lambda i: "b.png" if i == 1 else "a.png" if i < 4 else None)(shop)
    raw = shop.raw()
    raw = RawTables(raw.frames, raw.schema, files={ITEMS: (str(tmp_path / "items.csv"),)})

    def about_images(limit: int) -> list[tuple[str, int | None, int]]:
        found = check(raw, now=NOW, image_limit=limit)
        return [(f.defect, f.row, f.count) for f in found if f.defect.startswith("image")]

    assert about_images(2000) == [("image-broken", 2, 1)]
    assert about_images(2) == [("images-not-opened", None, 2)]  # the first and third are opened
    assert about_images(0) == [("images-not-opened", None, 4)]


def test_images_without_pillow_are_said_to_be_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = plain()
    SAME(shop)
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    (one,) = findings(shop)
    assert (one.defect, one.count) == ("images-not-opened", 120)
    assert "sidelight[image]" in one.fix


def test_verdicts_on_single_images() -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((300, 300), 80).save(out, "JPEG")
    photo = out.getvalue()
    assert image_files._verdict(photo) == ""
    assert image_files._verdict(photo[: len(photo) // 2]) == "image-broken"
    assert image_files._verdict(b"") == "image-broken"
    assert image_files._verdict(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n") == "image-broken"
    for side in (10_000, 20_000):  # Pillow warns of the first and refuses the second; neither is decoded
        head = picture((9, 9))[:16] + side.to_bytes(4, "big") * 2 + picture((9, 9))[24:29]
        wide = head + zlib.crc32(head[12:]).to_bytes(4, "big") + picture((9, 9))[33:]
        assert image_files._verdict(wide) == "image-huge"


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
