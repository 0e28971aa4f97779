"""`Numbers` and `Vector` against numpy and plain loops."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.content.numbers import Numbers
from sidelight.content.protocols import fit_features
from sidelight.content.vector import Vector
from sidelight.errors import DataError

NUMBER = st.none() | st.floats(-1e12, 1e12) | st.just(math.nan)


def by_hand(x: list[float], scale: str) -> tuple[float, float]:
    if scale == "robust":
        low, middle, high = np.percentile(x, [25, 50, 75])
        return middle, (high - low) / 1.349 if high > low else float(np.std(x))
    return float(np.mean(x)), float(np.std(x))


@given(st.lists(NUMBER, min_size=1, max_size=20), st.sampled_from(["robust", "standard"]))
def test_numbers_against_the_formula(raw: list[float | None], scale: str) -> None:
    known = [x for x in raw if x is not None and not math.isnan(x)]
    items = pl.DataFrame({"x": pl.Series(raw, dtype=pl.Float64)})
    if not known:
        with pytest.raises(DataError):
            fit_features(Numbers("x", scale=scale), items)
        return
    _, features = fit_features(Numbers("x", scale=scale, clip=3), items)
    centre, spread = by_hand(known, scale)
    for value, got, present in zip(raw, features.values[:, 0], features.present, strict=True):
        missing = value is None or math.isnan(value)
        assert present != missing
        expected = 0.0 if missing or spread == 0 else (value - centre) / spread
        assert got == pytest.approx(min(max(expected, -3), 3), abs=1e-5)


def test_one_absurd_price_does_not_set_the_scale() -> None:
    prices = [9.0, 10.0, 11.0, 12.0, 1e9]
    _, robust = fit_features(Numbers("p"), pl.DataFrame({"p": prices}))
    assert robust.values[:4, 0].std() > 0.3 and robust.values[4, 0] == 5


def test_numbers_keep_columns_apart_and_named() -> None:
    items = pl.DataFrame({"a": [1, 2, None], "b": [None, 5.0, None], "c": [True, False, None]})
    encoder, features = fit_features(Numbers("a", "b", "c"), items)
    assert features.names == ("a", "b", "c") and features.present.tolist() == [True, True, False]
    assert features.values[0, 1] == 0 and features.values[1, 1] == 0  # missing; the only one, so the centre
    new = encoder.transform(pl.DataFrame({"a": [None], "b": [7.0], "c": [None]}))
    assert new.present.all() and not new.values.any()  # b never varied: it has no scale


def test_infinity_is_named() -> None:
    with pytest.raises(DataError, match=r"infinity.*'x', row 2"):
        fit_features(Numbers("x"), pl.DataFrame({"x": [1.0, math.inf]}))


@pytest.mark.parametrize("dtype", [pl.List(pl.Float64), pl.List(pl.Int32), pl.Array(pl.Float32, 2)])
def test_vectors_are_kept_as_they_are(dtype: pl.DataType) -> None:
    rows = [[1, 2], None, [3, 4]]
    _, features = fit_features(Vector("v"), pl.DataFrame({"v": pl.Series(rows, dtype=dtype)}))
    np.testing.assert_array_equal(features.values, [[1, 2], [0, 0], [3, 4]])
    assert features.values.dtype == np.float32 and features.present.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, 2.0], None, [1.0]], "expected 2 numbers; found 1; in the item column 'v', row 3"),
        ([None, [1.0, 2.0], []], "expected 2 numbers; found 0; in the item column 'v', row 3"),
        ([[1.0, 2.0], [1.0, None]], "null, NaN or infinity; in the item column 'v', row 2"),
        ([[1.0, math.nan]], "row 1"),
        ([[1.0, math.inf]], "row 1"),
        ([[1e300, 1.0]], "row 1"),  # infinity once it is float32
        ([[]], "at least one item"),
    ],
)
def test_wrong_vectors_name_their_row(rows: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_features(Vector("v"), pl.DataFrame({"v": pl.Series(rows, dtype=pl.List(pl.Float64))}))


def test_a_new_vector_of_another_length_is_refused() -> None:
    encoder, _ = fit_features(Vector("v"), pl.DataFrame({"v": [[1.0, 2.0]]}))
    with pytest.raises(DataError, match="expected 2 numbers; found 3"):
        encoder.transform(pl.DataFrame({"v": [[1.0, 2.0, 3.0]]}))
    with pytest.raises(DataError, match="expected 2 numbers; found 3"):
        encoder.transform(pl.DataFrame({"v": pl.Series([[1.0, 2.0, 3.0]], dtype=pl.Array(pl.Float32, 3))}))
