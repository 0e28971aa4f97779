# ruff: noqa: RUF001
"""Words of many scripts: whole, and alike however their accents are written."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest

import sidelight as sl
from sidelight.content.protocols import fit_features
from sidelight.content.text import TfidfEncoder

SCRIPTS = {
    "english": "tea kettle", "hindi": "चाय केतली", "bengali": "চা কেটলি", "tamil": "தேநீர் கெட்டில்",
    "malayalam": "ചായ കെറ്റിൽ", "sinhala": "තේ කේතලය", "thai": "น้ำชา กาต้ม", "lao": "ຊາ ກາ",
    "khmer": "តែ កំសៀវ", "burmese": "လက်ဖက်ရည် အိုး", "arabic": "كِتَابٌ جَدِيدٌ", "hebrew": "סֵפֶר חָדָשׁ",
    "korean": "차 주전자", "japanese": "お茶 ケトル", "chinese": "茶 水壶", "greek": "τσάι βραστήρας",
    "russian": "чай чайник", "vietnamese": "ấm trà", "turkish": "İnce çaydanlık", "amharic": "ሻይ ማንቆርቆሪያ",
    "marks without composed form": "x̂y ẍ̃z",
}  # fmt: skip


def values(*texts: str) -> sl.content.features.Features:
    frame = pl.DataFrame({"item_id": list(map(str, range(len(texts)))), "t": texts})
    return fit_features(sl.Text("t", min_df=1), frame)[1]


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_words_are_cut_at_spaces_alone(text):
    assert sorted(values(text).names) == sorted(unicodedata.normalize("NFC", text.lower()).split())


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_decomposed_and_composed_text_is_the_same(text):
    found = values(unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text), "else ware").values
    assert (found[0] @ found[1].T).toarray()[0, 0] == pytest.approx(1)
    assert (found[0] @ found[2].T).nnz == 0


def test_joiners_and_soft_hyphens_do_not_change_a_word():
    assert values("می\u200cخواهم tea\u00adpot").names == ("teapot", "میخواهم")


def test_an_encoder_of_an_earlier_version_goes_on_cutting_as_it_did():
    frame = pl.DataFrame({"item_id": ["a"], "t": ["चाय केतली tea"]})
    arrays, meta = fit_features(sl.Text("t", min_df=1), frame)[0].state()
    assert TfidfEncoder.restore(arrays, meta).transform(frame).values.nnz == 3
    assert TfidfEncoder.restore(arrays, {**meta, "kind": "tfidf"}).transform(frame).values.nnz == 1


def test_the_beginning_of_a_long_cell_counts():
    first, late = "word " * 3_999 + "last ", "beyond"
    assert values(first + late, "else").names == ("else", "last", "word")
