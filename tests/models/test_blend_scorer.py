"""The weighted sum of scorers: weights by item and by length of history."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.blend_weights import as_factors
from sidelight.storage import placed, under


@pytest.fixture(scope="module")
def split():
    data = make_synthetic(n_users=300, n_items=400, n_events=6000, seed=3).data
    return sl.split.cold_items(data, share=0.2, seed=1)


@pytest.fixture(scope="module")
def blend(split, parts):
    return sl.Blend(parts).fit(split)


def test_items_that_join_later_are_weighed_like_cold_ones(blend, split):
    cold = np.flatnonzero(split.cold)[0]
    rows = split.data.items[int(cold)]
    grown = blend.add_items(rows.with_columns(item_id=_new_id(split)))
    histories = split.histories().matrix()
    wide = histories.copy()
    wide.resize((histories.shape[0], histories.shape[1] + 1))
    np.testing.assert_allclose(
        grown.score(wide)[:, -1], blend.score(histories)[:, cold], rtol=1e-3, atol=1e-4
    )


def _new_id(split):
    ids = split.data.item_ids
    return pl.lit(int(ids.max()) + 1) if ids.dtype.kind in "iu" else pl.lit("zz-new")


def test_parts_without_weight_are_let_go():
    weights = np.array([[0.0, 1.0], [0.0, 2.0]])
    made = BlendScorer.build(["a", "b"], weights, np.ones(3), np.array([0, 1, 2]))
    assert made.parts == ("b",)
    np.testing.assert_allclose(made.weights, [[1.0, 2.0, 2.0]])


class Flat:
    """Scores 1 for every item of every row."""

    def __init__(self, n):
        self.n = n

    def score(self, histories):
        return np.ones((histories.shape[0], self.n), dtype=np.float32)


def test_factors_hold_at_their_knots_and_are_linear_between():
    factors = np.ones((5, 2, 2))
    factors[:, 1, 1] = [0.0, 1.0, 2.0, 3.0, 4.0]
    factors[:, 0, 0] = [5.0, 4.0, 3.0, 2.0, 1.0]
    made = BlendScorer.build([Flat(2), Flat(2)], np.ones((2, 2)), np.ones(2), np.array([0, 1]), factors)

    def score(n):
        wide = sp.csr_matrix(np.ones((1, n), dtype=np.float32)) if n else sp.csr_matrix((1, 1))
        return made.score(wide)[0]

    np.testing.assert_allclose(score(0), [6.0, 1.0])
    np.testing.assert_allclose(score(1), [5.0, 2.0])
    np.testing.assert_allclose(score(3), [4.0, 3.0])
    np.testing.assert_allclose(score(15), [2.0, 5.0])
    np.testing.assert_allclose(score(200), [2.0, 5.0])
    between = np.log2(3.0)  # two events: between the knots of 1 and 3
    np.testing.assert_allclose(score(2), [5 - (between - 1), 2 + (between - 1)], rtol=1e-6)
    np.testing.assert_allclose(made.at(np.array([3]), np.array([[1]])).ravel(), [1.0, 2.0])


def test_factors_survive_a_bundle_and_bundles_without_them_load(blend):
    factors = np.random.default_rng(0).random((5, 2, 3)) + 0.5
    scorers = blend.scorer.parts
    m = len(scorers)
    buckets = np.zeros(len(blend.items), dtype=np.int64)
    made = BlendScorer.build(scorers, np.ones((2, m)), np.ones(2), buckets, factors[..., :m], {"k": 1})
    arrays, meta = made.state()
    again = BlendScorer.restore(under("x", placed("x", arrays)), meta)
    rows = blend.people.histories.matrix()[:20]
    np.testing.assert_array_equal(again.score(rows), made.score(rows))
    assert again.choices == {"k": 1}
    old = BlendScorer.restore(
        {k: v for k, v in arrays.items() if k not in ("factors", "cold")}, {"parts": meta["parts"]}
    )
    assert not len(old.factors)


def test_popularity_stays_one_vector_when_it_is_trusted_more_for_short_histories():
    knots = np.ones((5, 2, 2))
    knots[:, 1, 0] = [4.0, 4.0, 2.0, 1.0, 0.5]  # popularity
    weights, factors = as_factors(knots, [1.0] * 5, np.array([True, False]))
    np.testing.assert_allclose(factors[:, 1, 0], 1.0)
    whole = factors * weights
    ratio = whole[:, 1, 1] / whole[:, 1, 0]
    np.testing.assert_allclose(ratio, knots[:, 1, 1] / knots[:, 1, 0])
    np.testing.assert_allclose(whole[:, 0, 1] / whole[:, 1, 1], 1.0)  # cold beside warm as before
