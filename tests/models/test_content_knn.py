"""Each closed form against a slow, obvious version of its formula."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from models.cases import chain

import sidelight as sl
from sidelight.errors import SpecError
from sidelight.models.content_space import ContentSpace
from sidelight.models.item_updates import with_revised_items
from sidelight.models.knn_graph import two_step_graph


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
