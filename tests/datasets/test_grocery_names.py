"""Readable product names."""

from __future__ import annotations

import itertools
from pathlib import Path

import polars as pl
import pytest
from datasets.cases import installed

from sidelight.datasets.grocery_names import department, package, phrase, title, whole_words, words


def test_names_become_readable() -> None:
    assert words("FRZN SS PREMIUM ENTREES/DNRS/N") == "frozen single serve premium entrees dinners"
    assert words("PREMIUM COOKIES (EX: PEPPERIDG") == "premium cookies"
    assert words("DIPS (NON-REFRIGERATED)") == "dips non refrigerated"
    assert words("WOMEN S GENERAL-MAGAZINE") == "women's general magazine"
    cut = "COOKING BAGS WITH SPICES SEASO"
    assert words(cut) == cut.lower()
    assert words(cut, whole_words(["SPICES", cut])) == "cooking bags with spices"
    assert title("string cheese", "cheese", "national", None) == "String cheese"
    assert title("premium", "pasta sauce", "store", "24 oz") == "Store brand pasta sauce, premium, 24 oz"
    assert title("cereal bars", "convenient breakfast", "national", "8 oz") == "Cereal bars, 8 oz"
    assert [department(d) for d in ("DRUG GM", "SALAD BAR")] == ["Drugstore and general", "Salad bar"]
    assert [package(s) for s in (" 12  OZ", "A D  1 GAL", "522763 CTN")] == ["12 oz", "1 gal", None]
    assert [package(s) for s in (".56 OZ", "14.00 OZ", "10.50 OZ")] == ["0.56 oz", "14 oz", "10.5 oz"]


@pytest.mark.parametrize(
    ("till", "read"),
    [
        ("ICE CREAM/MILK/SHERBTS", "ice cream, milk and sherbets"),
        ("BREAD:ITALIAN/FRENCH", "bread, Italian and French"),
        ("CANDY BOX NON-CHOCOLATE", "candy box non-chocolate"),
        ("SFT DRNK MLT-PK BTL CARB (EXCP", "soft drink multi-pack bottle carbonated"),
        ("LOIN - CHOPS BONE-IN", "loin, chops bone-in"),
        ("FRZN OJ&OJ SUBSTITUTES (OVER 5", "frozen orange juice and substitutes"),
        ("PREPARED BEANS - BAKED W/PORK", "prepared beans, baked with pork"),
        ("APPLES OTHER (BULK&BAG)", "apples"),
        ("WOMEN S GENERAL-MAGAZINE", "women's general magazine"),
        ("PIZZA/PREMIUM", "pizza, premium"),
    ],
)
def test_marks_of_the_till_become_words(till: str, read: str) -> None:
    assert phrase(till) == read


@installed
def test_no_name_keeps_the_tills_capitals(folder: Path) -> None:
    titles = pl.read_csv(folder / "items.csv")["title"]
    assert titles.str.replace_all(r"\b(BBQ|DVD|TV)\b", "").str.contains(r"[A-Z]{2}").sum() == 0
    assert titles.str.contains(r"\b(frzn|misc|drnk|refrgratd)\b").sum() == 0
    # A name says a word once, ends in a whole one, and has no marks of a division left.
    assert titles.str.contains(r"(, ,|~|[a-z]{3}/[a-z]{3}|:|\bw\b)").sum() == 0
    assert titles.str.contains(r"\b(and|with|of)(,|$)").sum() == 0
    words_of = [t.lower().replace(",", " ").split() for t in titles]
    assert sum(a == b and a.isalpha() for t in words_of for a, b in itertools.pairwise(t)) == 0
    assert titles.str.len_chars().max() <= 90
