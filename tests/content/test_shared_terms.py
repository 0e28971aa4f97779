"""Shared words are the terms of the dot product."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from sidelight.content.features import Features
from sidelight.content.protocols import fit_features
from sidelight.content.shared_terms import shared_words, text_of
from sidelight.content.text import Text
from sidelight.errors import SpecError


def features() -> Features:
    items = pl.DataFrame({"t": ["red tea pot", "tea pot pot", "blue shoe", "red red red", None]})
    return fit_features(Text("t", min_df=1), items)[1]


def test_the_products_add_up_to_the_score() -> None:
    f = features()
    dense = f.values.toarray()
    for a in range(5):
        for b in range(5):
            shared = shared_words(f, a, b, k=100)
            assert sum(v for _, v in shared) == pytest.approx(dense[a] @ dense[b], abs=1e-6)
            assert [v for _, v in shared] == sorted((v for _, v in shared), reverse=True)
    assert {w for w, _ in shared_words(f, 0, 1)} == {"tea", "pot"}
    assert shared_words(f, 0, 1, k=1) == shared_words(f, 0, 1)[:1]
    assert shared_words(f, 0, 2) == [] == shared_words(f, 0, 4)


def test_nameless_columns_are_refused() -> None:
    plain = Features("vector:v", np.ones((2, 2), dtype=np.float32), np.ones(2, dtype=bool))
    with pytest.raises(SpecError, match="dense"):
        shared_words(plain, 0, 1)
    with pytest.raises(SpecError, match="without names"):
        shared_words(Features("x", features().values, features().present), 0, 1)


def test_text_of_a_row() -> None:
    row = {
        "item_id": 7,
        "title": " A  red\nshoe ",
        "price": 9.5,
        "tags": ["a", "b"],
        "photo": b"x",
        "gone": None,
    }
    assert text_of(row) == "A red shoe"
    assert text_of(row, ["title", "price", "tags", "photo", "gone", "nowhere"]) == "A red shoe, 9.5, a, b"
    assert text_of({"item_id": 7, "brand": "Acme"}) == "7, Acme"
    assert text_of({"title": "x" * 100}, limit=10) == "xxxxxxx..."
    assert text_of({"title": None}) == ""
