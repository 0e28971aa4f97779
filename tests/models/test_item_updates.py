"""Replacing rows of known items: untouched ones move, touched ones stay where clicks put them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
import served

from sidelight.errors import DataError, UnknownIdError
from sidelight.models.item_updates import with_revised_items
from sidelight.models.scorer import spaces_of

CONTENT = ("content_knn", "hybrid_knn", "ridge", "blend", "two_tower")
CLICKS = ("popular", "ease", "als")


def untouched(model):
    return str(model.items.ids[np.flatnonzero(model.items.popular == 0)[0]])


def touched(model):
    return str(model.items.ids[np.argmax(model.items.popular)])


def row_of(model, item, **changes):
    row = model.items.rows.filter(pl.col("item_id") == item)
    return row.with_columns(pl.lit(value).alias(name) for name, value in changes.items())


def scores(model):
    return model.score(model.people.histories.matrix())


def assert_equal(a, b, name=""):
    a, b = (x.toarray() if sp.issparse(x) else x for x in (a, b))
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", CONTENT)
def test_the_same_row_again_changes_no_score(name):
    model = served.model(name)
    again = with_revised_items(model, row_of(model, untouched(model)))
    before, after = model.scorer.state()[0], again.scorer.state()[0]
    assert before.keys() == after.keys()
    for key, value in before.items():
        if value.dtype.kind == "f":
            assert_equal(value, after[key], key)
    assert_equal(scores(model), scores(again))
    assert again.items.rows.equals(model.items.rows)


@pytest.mark.parametrize("name", CONTENT)
def test_an_untouched_item_scores_as_if_it_had_joined_with_its_new_row(name):
    model = served.model(name)
    item, new = untouched(model), {"title": "folding guitar no 5", "description": None, "brand": "Stringway"}
    moved = with_revised_items(model, row_of(model, item, **new))
    joined = model.add_items(row_of(model, item, **new).with_columns(item_id=pl.lit("twin")))
    at = model.items.find([item])[0]
    histories = joined.people.histories.matrix()
    assert_equal(scores(moved)[:, at], joined.score(histories)[:, -1])
    others = np.arange(len(model.items)) != at
    assert_equal(scores(moved)[:, others], scores(model)[:, others])
    near = moved.similar([item], k=3)["score"].to_numpy()
    twin = joined.similar(["twin"], k=6).filter(pl.col("similar_id") != item).head(3)["score"].to_numpy()
    np.testing.assert_allclose(near, twin, rtol=1e-4)


@pytest.mark.parametrize("name", (*CONTENT, *CLICKS))
def test_a_touched_item_changes_its_row_and_no_score(name):
    model = served.model(name)
    item = touched(model)
    moved = with_revised_items(model, row_of(model, item, title="folding guitar no 5"))
    assert moved.scorer is model.scorer
    at = int(model.items.find([item])[0])
    assert moved.items.rows["title"][at] == "folding guitar no 5"
    assert moved.items.rows["title"].head(at).equals(model.items.rows["title"].head(at))


@pytest.mark.parametrize("name", CLICKS)
def test_models_of_clicks_alone_keep_their_scores(name):
    model = served.model(name)
    assert_equal(
        scores(with_revised_items(model, row_of(model, untouched(model), title="tent"))), scores(model)
    )


@pytest.mark.parametrize("name", CONTENT)
def test_several_rows_at_once_equal_one_after_the_other_in_any_order(name):
    model = served.model(name)
    items = [str(i) for i in model.items.ids[model.items.popular == 0][:3]]
    titles = ["sturdy tent", "light spade", "large kettle"]
    rows = [row_of(model, i, title=t, description=None) for i, t in zip(items, titles, strict=True)]
    together = with_revised_items(model, pl.concat(rows[::-1]))
    apart = model
    for row in rows:
        apart = with_revised_items(apart, row)
    assert_equal(scores(together), scores(apart))
    assert together.items.rows.equals(apart.items.rows)


def test_a_row_replaces_the_whole_row():
    model = served.model()
    item = untouched(model)
    moved = with_revised_items(model, {"item_id": [item], "title": ["tent"]})
    row = moved.items.rows.filter(pl.col("item_id") == item)
    assert row["title"].to_list() == ["tent"] and row["brand"].to_list() == [None]


def test_an_item_that_joined_can_be_revised_too():
    model = served.model().add_items({"item_id": ["late"], "title": ["sturdy tent"]})
    moved = with_revised_items(model, {"item_id": ["late"], "title": ["light spade"]})
    spade = served.model().add_items({"item_id": ["late"], "title": ["light spade"]})
    assert_equal(scores(moved), scores(spade))


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        ({"item_id": ["i01", "i01"]}, DataError, "repeated"),
        ({"item_id": [None]}, DataError, "an id; found none"),
        ({"item_id": ["i999"]}, UnknownIdError, "changed items from the catalogue"),
        ({"item_id": ["i01"], "titel": ["x"]}, DataError, "did you mean 'title'"),
        (
            {"item_id": ["i01"], "price": ["dear"]},
            DataError,
            "in the column 'price'; found 'dear' and no other",
        ),
    ],
)
def test_wrong_rows_are_refused(rows, error, said):
    with pytest.raises(error, match=said):
        with_revised_items(served.model(), rows)


def test_every_space_of_a_blend_is_reached():
    model = served.model("two_tower")
    assert sum(len(space.encoders) for space in spaces_of(model.scorer)) == 2
    seen = []
    same = model.scorer.with_spaces(lambda space: seen.append(space) or space)
    assert [type(s).__name__ for s in seen] == ["ContentSpace"]
    assert_equal(same.score(model.people.histories.matrix()), scores(model))
    assert spaces_of(served.model("ease").scorer) == []
