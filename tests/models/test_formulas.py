"""Each closed form against a slow, obvious version of its formula."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from made_splits import TRAIN, VALIDATION, split_of

import sidelight as sl
from sidelight.errors import SpecError
from sidelight.models import linear
from sidelight.models.als import solve
from sidelight.models.content_space import ContentSpace
from sidelight.models.knn_graph import cosine_counts, neighbour_graph
from sidelight.models.linear import ease_of, ease_weights, inverse_spd
from sidelight.models.ridge import RidgeScorer

WORDS = ["red", "blue", "green", "tall", "small", "round"]


@pytest.fixture
def split():
    rng = np.random.default_rng(4)
    parts = rng.choice([0, TRAIN, VALIDATION], size=(40, 15), p=[0.6, 0.35, 0.05])
    parts[:, 12:] = np.where(parts[:, 12:] == TRAIN, VALIDATION, parts[:, 12:])
    made = split_of(parts, np.arange(15) >= 12)
    titles = [" ".join(rng.choice(WORDS, 3)) for _ in range(15)]
    items = made.data.items.with_columns(pl.Series("title", titles))
    items = items.with_columns(vector=pl.Series(rng.standard_normal((15, 3)).tolist()))
    return _with_items(made, items)


def _with_items(split, items):
    from dataclasses import replace

    return replace(split, data=replace(split.data, items=items))


def _space(split, *content, **options):
    return ContentSpace.fit(content or (sl.Text("title", min_df=1),), split.data, **options)


def _train(split):
    return split.histories().matrix().toarray().astype(np.float64)


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
    got = linear._ease_by_users(x, reg)
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
        linear._ease_by_users(x, 1e-9)


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


def test_item_knn_cosine_with_shrinkage(split):
    r = _train(split)
    graph = sl.ItemKNN(neighbours=4, shrink=3.0, hub=0.0).fit(split).scorer.weights.toarray()
    norm = np.sqrt(r.sum(axis=0))
    for j in range(12):
        close = np.array([r[:, i] @ r[:, j] / (norm[i] * norm[j] + 3.0) if i != j else 0 for i in range(12)])
        kept = np.sort(close)[-4:]
        np.testing.assert_allclose(np.sort(graph[graph[:, j] > 0, j]), kept[kept > 0], rtol=1e-5)


def test_neighbour_graph_power_and_hub():
    close = np.random.default_rng(3).random((8, 8)).astype(np.float32)
    everything = np.arange(8)
    graph = neighbour_graph(lambda a, b: close[np.ix_(a, b)].copy(), everything, everything, 8, 3, 2.0, 0.5)
    for j in range(8):
        own = close[j].copy()
        own[j] = 0
        best = np.argsort(-own)[:3]
        value = own[best] ** 2
        np.testing.assert_allclose(graph.toarray()[best, j], value / value.sum() ** 0.5, rtol=1e-5)
        assert graph[:, [j]].nnz == 3


def test_neighbour_graph_does_not_depend_on_the_block(monkeypatch, split):
    similarity, everything = cosine_counts(split.histories().matrix(), 1.0), np.arange(12)
    whole = neighbour_graph(similarity, everything, everything, 15, 5)
    monkeypatch.setattr("sidelight.models.knn_graph.CELLS", 24)
    assert (whole != neighbour_graph(similarity, everything, everything, 15, 5)).nnz == 0


def test_hybrid_knn_is_cosine_of_joined_vectors(split):
    weight, shrink = 2.0, 1.5
    model = sl.HybridKNN((sl.Text("title", min_df=1),), weight, neighbours=20, shrink=shrink, hub=0.0).fit(
        split
    )
    x = _space(split).features[0].values.toarray().astype(np.float64)
    joined = np.hstack([_train(split).T, np.sqrt(weight) * x])
    norm = np.linalg.norm(joined, axis=1)
    expected = joined @ joined.T / (np.outer(norm, norm) + shrink)
    np.fill_diagonal(expected, 0)
    expected[12:] = 0  # untouched items are no sources
    np.testing.assert_allclose(model.scorer.graph.toarray(), expected, atol=1e-5)


def test_similarity_looks_only_at_modalities_that_both_items_have():
    items = pl.DataFrame({"a": ["red", "red", None, "blue"], "b": ["x", "y", "x", "x"]})
    items = items.with_columns(item_id=pl.arange(pl.len()))
    data = sl.from_frames({"user_id": [0], "item_id": [0]}, items, schema=None)
    space = ContentSpace.fit((sl.Categories("a"), sl.Categories("b")), data, weights=(1.0, 3.0))
    got = space.similarity(np.arange(4))
    expected = np.array(
        [[1, 0.25, 1, 0.75], [0.25, 1, 0, 0], [1, 0, 1, 1], [0.75, 0, 1, 1]]
    )  # item 2 has no a: it is compared by b alone
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_the_centre_is_the_mean_of_what_is_there():
    vectors = [[3.0, 1.0], None, [1.0, 1.0], None, [2.0, 4.0]]
    items = pl.DataFrame({"item_id": range(5), "vector": pl.Series(vectors, dtype=pl.List(pl.Float32))})
    data = sl.from_frames({"user_id": [0], "item_id": [0]}, items, schema=None)
    space = ContentSpace.fit((sl.Vector("vector"),), data, weights=(4.0,))
    np.testing.assert_allclose(space.centres[0], [2.0, 2.0], atol=1e-6)  # with zeros for gaps: 1.2, 1.2
    apart = np.array([[1, -1], [0, 0], [-1, -1], [0, 0], [0, 2]], dtype=float)
    expected = 2 * apart / np.maximum(np.linalg.norm(apart, axis=1), 1e-9)[:, None]
    np.testing.assert_allclose(space.features[0].values, expected, atol=1e-6)
    # An item without a vector is like no other, and a new one is placed around the same centre.
    assert (space.similarity(np.array([1]))[0] == 0).all()
    grown = space.with_items(pl.DataFrame({"vector": [[5.0, 2.0]]}))
    np.testing.assert_allclose(grown.features[0].values[-1], [2.0, 0.0], atol=1e-6)


def test_als_solves_the_normal_equations():
    rng = np.random.default_rng(5)
    rows = sp.csr_matrix((rng.random((6, 20)) < 0.3).astype(np.float32))
    fixed = rng.standard_normal((20, 4)).astype(np.float32)
    got = solve(rows, fixed, 0.1, 0.05, 0.5)
    for user in range(6):
        touched = rows[user].toarray()[0] > 0
        weight = (touched.sum() + 0.1 * (~touched).sum()) ** 0.5
        normal = fixed[touched].T @ fixed[touched] + 0.1 * fixed.T @ fixed + 0.05 * weight * np.eye(4)
        expected = np.linalg.solve(normal, fixed[touched].sum(axis=0))
        np.testing.assert_allclose(got[user], expected, rtol=1e-3, atol=1e-4)


def test_popular_halves_with_the_half_life(_shop):
    split = sl.split.automatic(sl.read(_shop))
    log = split.data.interactions
    when, item = log.timestamp[split.train], log.item[split.train]
    expected = np.zeros(split.data.n_items)
    for t, i in zip(when, item, strict=True):
        expected[i] += 0.5 ** ((when.max() - t) / 86_400e6 / 10)
    got = sl.Popular(half_life=10).fit(split).score(split.histories()[:1])[0]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (lambda: sl.EASE(reg=0), "reg > 0"),
        (lambda: sl.Ridge((sl.Text("title", min_df=1),), reg=-1.0), "reg > 0"),
        (lambda: sl.ContentKNN(()), "option 'content' of ContentKNN"),
        (lambda: sl.ContentKNN((sl.Text("title", min_df=1),), weights=(1.0, 2.0)), "content weights"),
        (lambda: sl.ALS(dim=0), "dim in"),
        (lambda: sl.Popular(half_life=0), "float > 0"),
        (lambda: sl.Popular(half_life=3), "timestamps"),
        (lambda: sl.Blend(()), "length >= 1"),
        (lambda: sl.Blend((sl.Popular(),), k=20, depth=10), "depth >= k"),
        (lambda: sl.Blend((sl.Popular(),), exposure=2.0), "exposure in"),
    ],
)
def test_wrong_options_are_refused(split, spec, message):
    with pytest.raises(SpecError, match=message):
        spec().fit(split)
