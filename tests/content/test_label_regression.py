"""Encoder of predicted labels: a linear map of all content, mixed with the labels that are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

import sidelight as sl
from sidelight.content.features import Features
from sidelight.content.label_regression import PredictedEncoder, joint, mixed, projected
from sidelight.content.protocols import fit_features
from sidelight.content.saved_modality import restore_encoder

RNG = np.random.default_rng(0)
ITEMS = pl.DataFrame(
    {
        "title": ["red tent", "blue tent", "red rope", None],
        "size": [[1.0, 2.0], [2.0, 1.0], [0.0, 1.0], None],
        "kind": ["tent", "tent", "rope", None],
    }
)
CONTENT = (sl.Text("title", min_df=1), sl.Vector("size"))
SPEC = sl.PredictedLabels(sl.Categories("kind"), CONTENT, reg=0.5)


def unit(row: np.ndarray) -> np.ndarray:
    return row / max(float(np.linalg.norm(row)), 1e-12)


def test_the_map_takes_all_content_side_by_side() -> None:
    words = sp.random(5, 7, 0.4, "csr", np.float32, random_state=1)
    dense, solution = RNG.standard_normal((5, 3)), RNG.standard_normal((10, 4))
    found = joint([words, dense.astype(np.float32)], solution.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.hstack([words.toarray(), dense]) @ solution, atol=1e-5)


def test_labels_are_projected_to_unit_length_and_stay_zero_without_any() -> None:
    labels = np.array([[3, 4, 0], [0, 0, 0], [0, 0, 2]], dtype=np.float32)
    axes = RNG.standard_normal((3, 2)).astype(np.float32)
    found = projected(Features("l", sp.csr_matrix(labels), labels.any(axis=1)), axes)
    np.testing.assert_allclose(found, [unit(unit(row) @ axes) for row in labels], atol=1e-6)
    assert not found[1].any()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_labels_and_predictions_are_mixed_where_both_are_there(share: float) -> None:
    predicted = np.array([[3, 0], [0, 5], [0, 0], [0, 0]], dtype=np.float32)
    true = np.array([[0, 1], [0, 0], [1, 0], [0, 0]], dtype=np.float32)
    found = mixed("m", predicted, true, share)
    both = unit(share * true[0] + (1 - share) * unit(predicted[0]))
    np.testing.assert_allclose(found.values, [both, [0, 1], [1, 0], [0, 0]], atol=1e-6)
    assert found.name == "m" and found.present.tolist() == [True, True, True, False]
    unseen = mixed("m", predicted, None, share)
    np.testing.assert_allclose(unseen.values, [[1, 0], [0, 1], [0, 0], [0, 0]])
    assert unseen.present.tolist() == [True, True, False, False]


def test_opposite_labels_and_predictions_leave_nothing() -> None:
    found = mixed("m", np.array([[2, 0]], dtype=np.float32), np.array([[-1, 0]], dtype=np.float32), 0.5)
    assert not found.values.any() and not found.present.any()


def test_columns_of_all_content_are_named_once() -> None:
    assert SPEC.fit(ITEMS).source == "title+size"
    twice = sl.PredictedLabels(sl.Categories("kind"), (CONTENT[0], sl.Text("title", min_df=1, ngrams=(1, 2))))
    assert twice.fit(ITEMS).source == "title"


@dataclass(frozen=True)
class Slow:
    """An encoder that takes a cache."""

    cache: Any = None

    def with_cache(self, cache: Any) -> Slow:
        return Slow(cache)


def test_a_cache_reaches_the_content_that_takes_one() -> None:
    quick, cache, nothing = SPEC.fit(ITEMS).content[1], object(), np.zeros((0, 0), np.float32)
    slow: Any = Slow()
    made = PredictedEncoder("m", (slow, quick), (nothing, nothing), (0, 0), nothing, 0.5)
    found: Any = made.with_cache(cache)  # type: ignore[arg-type]
    assert found.content == (Slow(cache), quick) and made.content == (Slow(), quick)


@pytest.mark.parametrize("name", ["solution", "centre1", "axes"])
def test_a_saved_array_of_another_shape_is_refused(name: str) -> None:
    arrays, meta = SPEC.fit(ITEMS).state()
    shape = arrays[name].shape
    damaged = {**arrays, name: np.zeros((*shape[:-1], shape[-1] + 1), dtype=np.float32)}
    with pytest.raises(
        ValueError, match=f"expected an array of shape .{shape[0]},.*; found .*{shape[-1] + 1}"
    ):
        PredictedEncoder.restore(damaged, meta, restore_encoder)


def test_an_encoder_that_saw_some_labels_reads_none_of_new_rows() -> None:
    seen, _ = SPEC.fit_seen(ITEMS, np.array([True, True, True, False]))
    every, features = fit_features(SPEC, ITEMS)
    assert seen.labels is None and seen.axes is None and "axes" not in seen.state()[0]
    bare = ITEMS.with_columns(kind=pl.lit(None, dtype=pl.String))
    np.testing.assert_array_equal(seen.transform(bare).values, seen.transform(ITEMS).values)
    assert not np.array_equal(every.transform(bare).values, features.values)
