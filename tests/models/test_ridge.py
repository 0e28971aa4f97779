"""Ridge on content against the regression of each user."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from models.cases import WORDS, _space, _train

import sidelight as sl
from sidelight.models.ridge import RidgeScorer


@pytest.mark.parametrize("smooth", [False, True])
def test_ridge_is_each_users_own_regression(split, smooth):
    known, reg = np.arange(12), 0.7
    space = _space(split, sl.Text("title", min_df=1), sl.Vector("vector"), weights=(1.0, 2.0))
    x = np.hstack([b.toarray() if sp.issparse(b) else b for b in space.blocks()]).astype(np.float64)
    mix = np.eye(12) + 0.1 * np.random.default_rng(2).random((12, 12)) * smooth
    scorer = RidgeScorer.solve(space, known, reg, mix.astype(np.float32) if smooth else None)
    scores = scorer.score(split.histories())
    for user, history in enumerate(_train(split)):
        y = history[:12] @ mix
        w = np.linalg.solve(x[:12].T @ x[:12] + reg * np.eye(x.shape[1]), x[:12].T @ y)
        np.testing.assert_allclose(scores[user], x @ w, atol=1e-4)


def test_ridge_gives_the_same_in_either_size(split):
    space = _space(split)
    assert space.dim == len(WORDS)
    many, few = np.arange(12), np.arange(5)
    assert not RidgeScorer.solve(space, many, 1.0).dual
    assert RidgeScorer.solve(space, few, 1.0).dual
    rows = split.histories().matrix()
    inner = space.blocks(few)[0].toarray().astype(np.float64)
    left = np.linalg.inv(inner.T @ inner + np.eye(space.dim))
    expected = rows[:, few] @ inner @ left @ space.blocks()[0].toarray().T
    np.testing.assert_allclose(RidgeScorer.solve(space, few, 1.0).score(rows), expected, atol=1e-5)


def test_ridge_words_sum_to_the_score(split):
    model = sl.Ridge((sl.Text("title", min_df=1),), reg=1.0).fit(split)
    row = split.histories().matrix()[3]
    history = row.indices.astype(np.int64)
    [words] = model.scorer.top_terms(history, np.array([13]), 100)
    profile = model.scorer.profiles(row)[0]
    exact = profile * model.scorer.space.features[0].values[[13]].toarray()[0]
    assert sum(v for _, v in words) == pytest.approx(exact[exact > 0].sum(), rel=1e-5)
    assert exact.sum() == pytest.approx(model.score(row)[0, 13], rel=1e-4)
