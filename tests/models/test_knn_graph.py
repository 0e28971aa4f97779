"""Neighbour graphs: the formulas of one and of two steps."""

from __future__ import annotations

import numpy as np
import pytest
from models.cases import chain

import sidelight as sl
from sidelight.models.knn_graph import cosine_counts, neighbour_graph, two_step_graph


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


N = 30


OPTIONS = (4, 2.0, 0.5)


def symmetric(seed: int = 0):
    close = np.random.default_rng(seed).random((N, N)).astype(np.float32)
    close = (close + close.T) / 2
    return lambda a, b: close[np.ix_(a, b)].copy()


def expected(similarity, sources, options, bridges, among):
    everything = np.arange(N)
    w = neighbour_graph(similarity, everything, sources, N, *options).toarray().astype(np.float64)
    g = neighbour_graph(similarity, everything, np.arange(among), N, bridges, options[1], 1.0).toarray()
    np.testing.assert_allclose(g.sum(axis=0), 1.0, rtol=1e-5)
    both = w + w @ g
    np.fill_diagonal(both, 0.0)
    for j in range(N):
        both[np.argsort(-both[:, j], kind="stable")[options[0] :], j] = 0.0
    return both


@pytest.mark.parametrize("among", [N, 20])
def test_weights_are_those_of_the_formula(among, monkeypatch):
    monkeypatch.setattr("sidelight.models.knn_graph.BLOCK", 7)
    sources = np.array([0, 3, 4, 9, 11, 17, 25])
    found = two_step_graph(symmetric(), np.arange(N), sources, N, OPTIONS, (5, among))
    np.testing.assert_allclose(found.toarray(), expected(symmetric(), sources, OPTIONS, 5, among), rtol=1e-5)
    assert found.diagonal().sum() == 0 and found.getnnz(axis=0).max() == OPTIONS[0]
    assert not found[np.setdiff1d(np.arange(N), sources)].nnz


def test_some_targets_get_what_they_get_among_all():
    sources, some = np.arange(0, N, 4), np.array([5, 6, 21])
    whole = two_step_graph(symmetric(1), np.arange(N), sources, N, OPTIONS, (5, N)).toarray()
    part = two_step_graph(symmetric(1), some, sources, N, OPTIONS, (5, N)).toarray()
    np.testing.assert_allclose(part[:, some], whole[:, some], rtol=1e-5)
    assert not np.delete(part, some, axis=1).any()


def test_an_item_is_reached_over_one_that_nobody_touched():
    split, title = chain(), sl.Text("title", min_df=1)
    row = split.histories().matrix()[1]
    one, two = (sl.ContentKNN((title,), steps=steps).fit(split).score(row)[0] for steps in (1, 2))
    assert one[1] > 0 and one[2] == 0 and one[3] == 0
    assert two[1] > 0 and two[2] > 0 and two[3] == 0
