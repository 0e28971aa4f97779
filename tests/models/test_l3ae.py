"""L3AE against its definition, one column at a time."""

from __future__ import annotations

import numpy as np
import pytest
from models.cases import _space, _train

import sidelight as sl
from sidelight.models.content_basis import ContentBasis
from sidelight.models.l3ae import L3AEScorer
from sidelight.models.linear import precision

REG, STRENGTH, CONTENT_REG = 3.0, 2.5, 0.8


def _solved(split, size=256):
    space = _space(split, sl.Text("title", min_df=1), sl.Vector("vector"))
    histories = split.fitting()
    known = np.flatnonzero(histories.getnnz(axis=0))
    inverse = precision(histories[:, known], REG)
    basis = ContentBasis.fit(space, size)
    return L3AEScorer.solve(basis, known, inverse, REG * STRENGTH, CONTENT_REG), basis


def _drawn_to(rows):
    """Weights of the autoencoder of content, column by column: what B is drawn to."""
    z = rows.astype(np.float64)
    hat = z @ np.linalg.inv(z.T @ z + CONTENT_REG * np.eye(z.shape[1])) @ z.T
    return hat / (1.0 - np.diag(hat))


def test_each_column_is_the_least_squares_solution_with_a_zero_diagonal(split):
    scorer, basis = _solved(split)
    x = _train(split)[:, scorer.known].astype(np.float64)
    prior = STRENGTH * _drawn_to(basis.rows())[np.ix_(scorer.known, scorer.known)]
    for j in range(len(scorer.known)):
        others = np.delete(np.arange(len(scorer.known)), j)
        a = x[:, others]
        # The prior of j itself pulls at a weight that is fixed to 0, so that it plays no part.
        expected = np.linalg.solve(
            a.T @ a + REG * np.eye(len(others)), a.T @ x[:, j] + REG * prior[others, j]
        )
        np.testing.assert_allclose(scorer.weights[others, j], expected, atol=1e-4)
    assert (np.diag(scorer.weights) == 0).all()


def test_untouched_items_get_the_same_formula_without_users(split):
    scorer, basis = _solved(split)
    x = _train(split)[:, scorer.known].astype(np.float64)
    prior = STRENGTH * _drawn_to(basis.rows())[scorer.known]
    columns = np.linalg.solve(x.T @ x + REG * np.eye(len(scorer.known)), REG * prior)
    cold = np.setdiff1d(np.arange(split.data.n_items), scorer.known)
    assert len(cold)
    got = scorer.score(split.histories())[:, cold]
    np.testing.assert_allclose(got, x @ columns[:, cold], atol=1e-4)


def test_without_clicks_in_common_content_alone_is_left(split):
    scorer, basis = _solved(split)
    weak = L3AEScorer.solve(
        basis, scorer.known, precision(0 * split.fitting()[:, scorer.known], REG), REG * STRENGTH, CONTENT_REG
    )
    expected = STRENGTH * _drawn_to(basis.rows())[np.ix_(scorer.known, scorer.known)]
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(weak.weights, expected, atol=1e-4)


def test_a_new_item_gets_the_place_it_would_have_had_at_the_fit(split):
    """Up to what its own content adds to the content weights of all others, which stay as they are."""
    scorer, basis = _solved(split)
    row = int(np.setdiff1d(np.arange(split.data.n_items), scorer.known)[0])
    grown = scorer.with_items(split.data.items[[row]])
    z = basis.rows()
    inner = np.linalg.inv(z.T @ z + CONTENT_REG * np.eye(z.shape[1]))
    np.testing.assert_allclose(
        grown.targets[-1], z[row] * (1 + z[row] @ inner @ z[row]), rtol=1e-3, atol=1e-5
    )
    moved = grown.revised(split.data.items[[row]], np.array([len(grown.targets) - 1]))
    np.testing.assert_array_equal(moved.targets, grown.targets)


@pytest.mark.parametrize("size", [256, 3])
def test_words_sum_to_what_content_adds(split, size):
    scorer, basis = _solved(split, size)
    row = split.histories().matrix()[3]
    history = row.indices.astype(np.int64)
    cold = np.setdiff1d(np.arange(split.data.n_items), scorer.known)[:1]
    [words] = scorer.top_terms(history, cold, 100)
    profile = (row[:, scorer.known] @ scorer.map)[0]
    width = basis.dim - scorer.space.features[1].dim
    axes = basis.axes[0] if len(basis.axes[0]) else np.eye(width, dtype=np.float32)
    scale = np.linalg.norm(scorer.targets[cold[0]]) / np.linalg.norm(basis.rows(cold)[0])
    exact = scale * (axes @ profile[:width]) * scorer.space.features[0].values[cold].toarray()[0]
    assert sum(v for _, v in words) == pytest.approx(exact[exact > 0].sum(), rel=1e-4)
