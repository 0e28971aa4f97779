"""Two-step neighbours: the formula, bridges that nobody touched, and items that join or change later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from made_splits import TRAIN, VALIDATION, split_of

import sidelight as sl
from sidelight.errors import SpecError
from sidelight.models.content_space import ContentSpace
from sidelight.models.item_updates import with_revised_items
from sidelight.models.knn_graph import neighbour_graph, two_step_graph

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


def chain():
    """Item 0 is touched; 1 shares a word with it, 2 with 1 alone; 3 with none of them."""
    parts = np.zeros((3, 5), dtype=int)
    parts[:, 0], parts[0, 4], parts[:, 2] = TRAIN, TRAIN, VALIDATION
    made = split_of(parts, np.array([False, True, True, True, False]))
    titles = ["red pot", "pot lamp", "lamp chair", "stone brick", "tent rope"]
    items = made.data.items.with_columns(pl.Series("title", titles))
    return replace(made, data=replace(made.data, items=items))


def test_an_item_is_reached_over_one_that_nobody_touched():
    split, title = chain(), sl.Text("title", min_df=1)
    row = split.histories().matrix()[1]
    one, two = (sl.ContentKNN((title,), steps=steps).fit(split).score(row)[0] for steps in (1, 2))
    assert one[1] > 0 and one[2] == 0 and one[3] == 0
    assert two[1] > 0 and two[2] > 0 and two[3] == 0


def test_new_and_changed_items_are_linked_over_the_items_of_the_fit():
    split, title = chain(), sl.Text("title", min_df=1)
    model = sl.ContentKNN((title,), steps=2).fit(split)
    rows = pl.DataFrame({"item_id": [8, 9], "title": ["lamp chair"] * 2})
    once, twice = model.add_items(rows), model.add_items(rows[:1]).add_items(rows[1:])
    np.testing.assert_allclose(once.scorer.graph.toarray(), twice.scorer.graph.toarray(), rtol=1e-6)
    assert once.scorer.graph[0, 5] > 0 and once.scorer.graph[0, 6] == once.scorer.graph[0, 5]
    moved = with_revised_items(model, pl.DataFrame({"item_id": [3], "title": ["lamp chair"]}))
    assert moved.scorer.graph[0, 3] == pytest.approx(once.scorer.graph[0, 5])
    assert model.scorer.graph[0, 3] == 0


def test_the_fitted_graph_is_the_two_step_graph_of_the_content():
    split, title = chain(), sl.Text("title", min_df=1)
    model = sl.ContentKNN((title,), neighbours=2, steps=2, bridges=2).fit(split)
    space = ContentSpace.fit((title,), split.data)
    found = two_step_graph(space.similarity, np.arange(5), np.array([0, 4]), 5, (2, 3.0, 0.75), (2, 5))
    assert (model.scorer.graph != found).nnz == 0


@pytest.mark.parametrize("options", [{"steps": 0}, {"steps": 3}, {"bridges": 0}])
def test_other_numbers_of_steps_are_refused(options):
    with pytest.raises(SpecError, match=f"option {next(iter(options))!r} of ContentKNN"):
        sl.ContentKNN((sl.Text("title"),), **options)
