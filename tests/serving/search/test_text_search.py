"""Search by words and ids."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import served

from sidelight.errors import SpecError
from sidelight.serving.search.text_search import TextSearch

TENT = {"title": "sturdy tent no 15", "description": "A sturdy tent for camping.", "brand": "Northfold"}


@pytest.fixture
def engine(tmp_path):
    with served.engine(tmp_path) as made:
        yield made


def words(titles, texts=None, ids=None, popular=None):
    size = len(titles)
    ids = np.array([f"i{n}" for n in range(size)] if ids is None else ids)
    others = [] if texts is None else [pl.Series(texts)]
    counts = np.zeros(size, np.float32) if popular is None else np.array(popular, np.float32)
    return TextSearch.of(ids, pl.Series(titles, dtype=pl.String), others, counts)


def test_search_finds_words_in_any_order_and_case():
    index = words(["Sturdy TENT", "Tent peg, sturdy", "Stove", None])
    assert index.find("tent sturdy", 9) == [0, 1] and index.find("TENT", 9) == [1, 0]
    assert index.find("stove", 9) == [2] and index.find("nothing", 9) == []
    assert index.find("", 9) == [] and index.find("  ", 9) == [] and index.find("a.*(", 9) == []


def test_search_puts_ids_first_then_beginnings_then_the_popular():
    titles = ["rope", "a rope", "strope", "rope ladder", "ropes", "text only"]
    index = words(
        titles,
        ["", "", "", "", "", "a rope in it"],
        ["x1", "x2", "x3", "x4", "x5", "rope9"],
        [0, 9, 9, 1, 2, 0],
    )
    assert index.find("rope", 9) == [5, 4, 3, 0, 1, 2]
    assert index.find("rope", 2) == [5, 4]
    assert words(["x"] * 3, ids=["ab", "a", "abc"]).find("a", 9) == [1, 0, 2]


def test_search_looks_into_texts_when_titles_do_not_suffice():
    index = words(["tent", "stove"], ["for camping", "burns near a tent"])
    assert index.find("tent", 5) == [0, 1] and index.find("tent", 1) == [0]
    assert index.find("camping tent", 5) == [0]


def test_the_engine_searches_with_what_arrived(engine):
    engine.put_items([{"item_id": "Fresh-1", "title": "Ünübertroffen tent"}], wait=5)
    assert [s.item_id for s in engine.search("ÜNÜBERTROFFEN")] == ["Fresh-1"]
    assert engine.search("fresh-1", 1)[0].title == "Ünübertroffen tent"
    found = engine.search("tent", 50)
    assert all("tent" in (s.title + str(s.row["description"])).lower() for s in found)
    assert engine.search("i0", 3)[0].item_id.startswith("i0")
    with pytest.raises(SpecError, match="k >= 1"):
        engine.search("tent", 0)
