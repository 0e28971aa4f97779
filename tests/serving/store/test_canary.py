"""Canaries pass on what was published, and on nothing that answers otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import made_store
import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

import sidelight as sl
from sidelight.data.histories import Histories
from sidelight.errors import BundleError, DataError
from sidelight.models.people import People
from sidelight.models.recommender import Recommender
from sidelight.models.similarity_scorers import DenseSimilarityScorer
from sidelight.serving.store.canary import EACH, CanaryQuery, CanarySet, K, make_canaries, run_canaries

TEXT = sl.Text("title", "description")


SPECS = {
    "popular": sl.Popular(),
    "item_knn": sl.ItemKNN(),
    "ridge": sl.Ridge((TEXT, sl.Categories("brand"))),
    "als": sl.ALS(dim=8, epochs=2),
    "blend": sl.Blend((sl.Popular(), sl.EASE(20.0), sl.ContentKNN((TEXT,))), depth=40),
}


@pytest.fixture(scope="module")
def split(_shop):
    return sl.split.automatic(sl.read(_shop))


@pytest.fixture(params=SPECS, scope="module")
def fitted(request, split) -> Recommender:
    return SPECS[request.param].fit(split)


@pytest.fixture(scope="module")
def model() -> Recommender:
    return made_store.model()


@pytest.fixture(scope="module")
def canaries(model: Recommender) -> CanarySet:
    return make_canaries(model)


def refused(model: Recommender, canaries: CanarySet, where: str = "") -> str:
    with pytest.raises(BundleError) as error:
        run_canaries(model, canaries, where)
    assert "\n" not in str(error.value)
    return str(error.value)


def with_weights(model: Recommender, change: Any) -> Recommender:
    weights = model.scorer.weights.copy()
    change(weights)
    return replace(model, scorer=replace(model.scorer, weights=weights))


def test_a_model_passes_its_own_canaries_also_after_a_trip_through_json(fitted: Recommender) -> None:
    made = make_canaries(fitted)
    run_canaries(fitted, made)
    again = CanarySet.from_json(made.to_json())
    assert again == made
    run_canaries(fitted, again)


def test_every_kind_of_question_is_asked(fitted: Recommender) -> None:
    queries = make_canaries(fitted).queries
    kinds = [query.kind for query in queries]
    assert kinds.count("user") == kinds.count("item") == EACH
    assert () in [query.ask for query in queries if query.kind == "history"]
    assert all(len(query.items) == len(query.scores) <= K for query in queries)
    assert all(len(query.items) == K for query in queries if query.kind != "item")


def test_the_answers_are_those_that_people_get(model: Recommender, canaries: CanarySet) -> None:
    for query in canaries.queries:
        if query.kind == "user":
            assert model.recommend(users=query.ask, k=K)["item_id"].to_list() == list(query.items)
        if query.kind == "item":
            assert model.similar(query.ask, k=K)["similar_id"].to_list() == list(query.items)


def test_another_model_fails(canaries: CanarySet) -> None:
    assert "canary user" in refused(made_store.model(1), canaries)


def test_rounding_passes_and_a_changed_weight_does_not(model: Recommender, canaries: CanarySet) -> None:
    def noisy(weights: Any) -> None:
        weights *= 1 + np.random.default_rng(0).normal(scale=1e-6, size=weights.shape).astype(np.float32)

    run_canaries(with_weights(model, noisy), canaries)
    top = canaries.queries[-1].items[0]
    at = model.items.ids.tolist().index(top)
    assert "rank" in refused(with_weights(model, lambda w: w[:, at].__imul__(0.9)), canaries)


def test_items_with_equal_scores_may_change_places_and_others_may_not(model: Recommender) -> None:
    tied = with_weights(model, lambda w: w[:, 1:3].fill(5.0))
    made = make_canaries(tied)
    swapped = replace(made, queries=tuple(replace(q, items=_swap(q)) for q in made.queries))
    assert swapped != made
    run_canaries(tied, swapped)
    ids = tied.items.ids.copy()
    ids[[5, 9]] = ids[[9, 5]]
    assert "at rank" in refused(replace(tied, items=replace(tied.items, ids=ids)), made)


def _swap(query: CanaryQuery) -> tuple[Any, ...]:
    """The list with two items of equal scores exchanged; fillers have an order of their own."""
    other = {"i01": "i02", "i02": "i01"}
    scored = {item for item, score in zip(query.items, query.scores, strict=True) if score > 0}
    return tuple(other.get(i, i) for i in query.items) if set(other) <= scored else query.items


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_weight_that_is_not_finite_is_found_wherever_it_is(
    fitted: Recommender, value: float, tmp_path
) -> None:
    """In every array of numbers, also one that no canary happens to touch."""
    arrays, meta, files = fitted.to_arrays()
    spoilt = 0
    for name, array in arrays.items():
        bad = array.copy()
        target = bad.data if sp.issparse(bad) else bad
        if target.dtype.kind != "f" or not target.size:
            continue
        target.flat[target.size // 2] = value
        with pytest.raises((BundleError, DataError)) as error:
            make_canaries(Recommender.from_arrays({**arrays, name: bad}, meta, files))
        assert "\n" not in str(error.value)
        spoilt += 1
    assert spoilt >= 2


def test_parts_that_do_not_fit_are_refused(model: Recommender, canaries: CanarySet) -> None:
    own, people = model.items, model.people
    wrong = {
        "popularity": replace(model, items=replace(own, popular=own.popular[:-1])),
        "histories": replace(model, people=replace(people, histories=people.histories[:-1])),
        "item rows": replace(model, items=replace(own, rows=own.rows[:-1])),
        "repeated ids": replace(model, items=replace(own, ids=np.append(own.ids[1:], own.ids[1:2]))),
        "users sorted": replace(model, people=replace(people, ids=people.ids[::-1])),
    }
    for said, bad in wrong.items():
        assert said in refused(bad, canaries)


@pytest.mark.parametrize(
    "scorer",
    [
        DenseSimilarityScorer(np.ones((14, 13), np.float32), np.arange(14), 14),
        DenseSimilarityScorer(np.ones((13, 13), np.float32), np.arange(14), 14),
        DenseSimilarityScorer(np.ones((14, 14), np.float32), np.arange(14), 15),
        DenseSimilarityScorer(np.ones((14, 1), np.float32), np.arange(14), 14),
    ],
)
def test_scores_of_wrong_dimensions_are_refused(
    model: Recommender, canaries: CanarySet, scorer: DenseSimilarityScorer
) -> None:
    wrong = replace(model, scorer=scorer)
    assert "canary user" in refused(wrong, canaries, "the/folder") and "the/folder" in refused(
        wrong, canaries, "the/folder"
    )
    with pytest.raises(BundleError, match="canary user"):
        make_canaries(wrong)


def test_finite_weights_with_infinite_scores_are_refused(model: Recommender, canaries: CanarySet) -> None:
    assert "finite scores" in refused(with_weights(model, lambda w: w.fill(3e38)), canaries)


def test_a_model_of_another_size_is_refused(model: Recommender, canaries: CanarySet) -> None:
    with pytest.warns(UserWarning, match="know"):
        grown = model.add_items(pl.DataFrame({"item_id": ["n1"], "title": ["new"]}))
    assert "15 items" in refused(grown, canaries)


def test_a_user_who_is_not_there_is_named(model: Recommender, canaries: CanarySet) -> None:
    ids = model.people.ids.copy()
    ids[:] = [f"x{n:02d}" for n in range(len(ids))]
    assert "no such id" in refused(replace(model, people=replace(model.people, ids=ids)), canaries)


def test_integer_ids_stay_integers(model: Recommender) -> None:
    people = replace(model.people, ids=np.arange(8) * 7)
    numbered = replace(model, items=replace(model.items, ids=np.arange(14)), people=people)
    made = CanarySet.from_json(make_canaries(numbered).to_json())
    assert all(isinstance(item, int) for query in made.queries for item in query.items)
    run_canaries(numbered, made)


def test_a_model_without_users_has_canaries(model: Recommender) -> None:
    for people in (None, People(np.array([], dtype=str), Histories.of_lists([], 14))):
        bare = replace(model, people=people)
        made = make_canaries(bare)
        assert {query.kind for query in made.queries} == {"history", "item"}
        run_canaries(bare, made)


@pytest.mark.parametrize("change", [{"format": 2}, {"queries": None}, {"n_items": "many"}])
def test_canaries_of_another_form_are_refused(canaries: CanarySet, change: dict[str, Any]) -> None:
    content = {**json.loads(canaries.to_json()), **change}
    with pytest.raises(BundleError, match="canaries of format 1"):
        CanarySet.from_json(json.dumps(content).encode())
