"""`Categories` and `Tags` against counting by hand."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.content.categories import Categories
from sidelight.content.label_encoder import LabelEncoder
from sidelight.content.protocols import fit_features
from sidelight.content.saved_modality import restore_encoder
from sidelight.content.tags import Tags

LABEL = st.text(max_size=4)


def entries(features: object) -> list[dict[str, float]]:
    values = features.values.tocsr()  # type: ignore[attr-defined]
    names = features.names  # type: ignore[attr-defined]
    return [
        {names[c]: float(v) for c, v in zip(values[i].indices, values[i].data, strict=True)}
        for i in range(values.shape[0])
    ]


def test_categories_by_hand() -> None:
    items = pl.DataFrame(
        {"brand": ["Acme", " Acme", "acme", None, " "], "year": [1999, 2000, 1999, None, 1999]}
    )
    _, features = fit_features(Categories("brand", "year"), items)
    assert features.names == ("brand=Acme", "brand=acme", "year=1999", "year=2000")
    assert entries(features) == [
        {"brand=Acme": 1, "year=1999": 1},
        {"brand=Acme": 1, "year=2000": 1},
        {"brand=acme": 1, "year=1999": 1},
        {},
        {"year=1999": 1},
    ]


def test_an_unseen_category_is_zero_and_absent() -> None:
    encoder, _ = fit_features(Categories("brand"), pl.DataFrame({"brand": ["Acme", "Bolt"]}))
    new = encoder.transform(pl.DataFrame({"brand": ["Bolt", "Zorn"]}))
    assert entries(new) == [{"brand=Bolt": 1}, {}]
    assert new.present.tolist() == [True, False]


def test_booleans_enums_and_categoricals_are_labels() -> None:
    for dtype in (pl.Categorical, pl.Enum(["x", "y"])):
        _, features = fit_features(
            Categories("c"), pl.DataFrame({"c": pl.Series(["x", "y", None], dtype=dtype)})
        )
        assert entries(features) == [{"c=x": 1}, {"c=y": 1}, {}]
    _, features = fit_features(Categories("c"), pl.DataFrame({"c": [True, False, None]}))
    assert features.names == ("c=false", "c=true")


@given(st.lists(st.none() | st.lists(st.none() | LABEL, max_size=4), min_size=1), st.integers(1, 3))
def test_tags_against_plain_python(rows: list[list[str | None] | None], min_count: int) -> None:
    items = pl.DataFrame({"t": pl.Series(rows, dtype=pl.List(pl.String))})
    # polars and Python differ on a few blanks of the control range, which are no part of the promise
    trimmed = pl.DataFrame({"t": pl.Series([x for r in rows for x in r or []], dtype=pl.String)})
    trims = dict(zip(trimmed["t"], trimmed["t"].str.strip_chars(), strict=True))
    sets = [{trims[x] for x in row or [] if x is not None and trims[x]} for row in rows]
    counts = {x: sum(x in s for s in sets) for s in sets for x in s}
    kept = sorted(x for x, n in counts.items() if n >= min_count)
    if not kept:
        return
    encoder, features = fit_features(Tags("t", min_count=min_count), items)
    assert features.names == tuple("t=" + x for x in kept)
    weight = {x: math.log((1 + len(rows)) / (1 + counts[x])) + 1 for x in kept}
    for found, labels in zip(entries(features), sets, strict=True):
        expected = {"t=" + x: weight[x] for x in labels if x in weight}
        assert found.keys() == expected.keys()
        assert all(math.isclose(found[x], expected[x], rel_tol=1e-6) for x in found)
    restored = restore_encoder(*encoder.state()).transform(items)
    assert restored.names == features.names and (restored.values != features.values).nnz == 0


def test_separator_splits_text_columns() -> None:
    plain = pl.DataFrame({"g": ["a|b", "b| c |", "", None]})
    lists = pl.DataFrame({"g": [["a", "b"], ["b", "c"], [], None]})
    _, one = fit_features(Tags("g", separator="|"), plain)
    _, two = fit_features(Tags("g"), lists)
    assert one.names == two.names
    np.testing.assert_array_equal(one.values.toarray(), two.values.toarray())


def test_numeric_tags_and_fixed_size_arrays() -> None:
    _, features = fit_features(Tags("g", idf=False), pl.DataFrame({"g": [[3, 11], [3], None]}))
    assert entries(features) == [{"g=3": 1, "g=11": 1}, {"g=3": 1}, {}]
    pairs = pl.DataFrame({"g": pl.Series([["a", "b"], ["a", "a"]], dtype=pl.Array(pl.String, 2))})
    _, features = fit_features(Tags("g", idf=False), pairs)
    assert entries(features) == [{"g=a": 1, "g=b": 1}, {"g=a": 1}]


SPELLINGS = [2, 2.0, "2", "2.0", " 2 "]
TRAINED = [
    [1, 2, 3],
    [1.0, 2.0, 3.0],
    ["1", "2", "3"],
    ["1.0", "2.0", "x"],
    [1, 2, None],
    [1.5, 2.0, math.nan],
]


@pytest.mark.parametrize("trained", TRAINED, ids=str)
@pytest.mark.parametrize("spelling", SPELLINGS, ids=repr)
def test_a_label_is_the_same_in_every_spelling(trained: list[object], spelling: object) -> None:
    items = pl.DataFrame({"genre": trained})
    encoder, known = fit_features(Categories("genre"), items)
    new = encoder.transform(pl.DataFrame({"genre": [spelling, None]}))
    assert new.values[0].nnz == 1 and (new.values[0] != known.values[1]).nnz == 0
    assert new.present.tolist() == [True, False]


def test_a_saved_encoder_with_another_spelling_still_knows_its_labels() -> None:
    encoder = LabelEncoder("g", ("g",), (("1.1", "2.0"),), np.ones(2, np.float32), False)
    for spelling in SPELLINGS:
        found = encoder.transform(pl.DataFrame({"g": [spelling]})).values
        assert found.toarray().tolist() == [[0.0, 1.0]]
