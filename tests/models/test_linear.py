"""Linear item models against slow, obvious versions of their formulas."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from models.cases import _space, _train

import sidelight as sl
from sidelight.errors import SpecError
from sidelight.models import linear
from sidelight.models.linear import ease_of, ease_weights, inverse_spd


def test_inverse_of_a_positive_definite_matrix():
    rng = np.random.default_rng(0)
    half = rng.standard_normal((1300, 1300)).astype(np.float32)
    matrix = half @ half.T + 1300 * np.eye(1300, dtype=np.float32)
    expected = np.linalg.inv(matrix.astype(np.float64))
    got = inverse_spd(np.ascontiguousarray(matrix))
    np.testing.assert_allclose(got, expected, atol=1e-7)
    assert np.array_equal(got, got.T)


def test_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(SpecError, match="raise reg"):
        inverse_spd(np.array([[1, 2], [2, 1]], dtype=np.float32))


def test_ease_is_the_constrained_least_squares_solution():
    rng = np.random.default_rng(1)
    x = (rng.random((60, 9)) < 0.3).astype(np.float64)
    weights = ease_weights((x.T @ x).astype(np.float32), 3.0)
    # Column by column: ridge of item j on all the others is what a zero diagonal means.
    for j in range(9):
        others = [i for i in range(9) if i != j]
        a = x[:, others]
        expected = np.linalg.solve(a.T @ a + 3.0 * np.eye(8), a.T @ x[:, j])
        np.testing.assert_allclose(weights[others, j], expected, atol=1e-5)
    assert (np.diag(weights) == 0).all()


@pytest.mark.parametrize("reg", [0.5, 30.0])
def test_ease_over_the_users_equals_ease_over_the_items(reg, monkeypatch):
    x = sp.random(70, 900, 0.05, "csr", np.float32, random_state=3)
    x.data[:] = 1.0
    x = sp.vstack([x, sp.csr_matrix((5, 900), dtype=np.float32)]).tocsr()  # users without a history
    monkeypatch.setattr(linear, "CELLS", 900 * 64)  # several blocks, the last one smaller
    expected = ease_weights((x.T @ x).toarray(), reg)
    got = linear._without_diagonal(linear._precision_by_users(x, reg))
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert (np.diag(got) == 0).all()


@pytest.mark.parametrize(("users", "items", "by_users"), [(40, 900, True), (900, 40, False)])
def test_ease_is_solved_on_the_smaller_side(users, items, by_users, monkeypatch):
    x = sp.random(users, items, 0.05, "csr", np.float32, random_state=1)
    sizes = []
    inverse = linear.inverse_spd
    monkeypatch.setattr(linear, "inverse_spd", lambda m: sizes.append(len(m)) or inverse(m))
    weights = ease_of(x, 10.0)
    assert weights.shape == (items, items)
    busy = np.count_nonzero(x.getnnz(axis=1))
    assert sizes == ([busy] if by_users else [items])


def test_ease_over_the_users_refuses_what_float32_cannot_hold():
    x = sp.csr_matrix(np.eye(3, 900, dtype=np.float32))
    with pytest.raises(SpecError, match="raise reg"):
        linear._precision_by_users(x, 1e-9)


def test_ease_leaves_untouched_items_at_zero(split):
    scores = sl.EASE(5.0).fit(split).score(split.histories())
    assert (scores[:, split.cold] == 0).all()
    assert (scores[:, ~split.cold] != 0).any()


def test_ease_with_side_information_is_ease_on_stacked_rows(split):
    space = _space(split)
    x, r = space.features[0].values.toarray().astype(np.float64), _train(split)
    stacked = np.vstack([r, np.sqrt(4.0) * x.T])
    expected = ease_weights((stacked.T @ stacked).astype(np.float32), 2.0)
    model = sl.EASESide((sl.Text("title", min_df=1),), weight=4.0, reg=2.0).fit(split)
    np.testing.assert_allclose(model.scorer.weights, expected, atol=1e-5)
