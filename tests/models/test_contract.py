"""What every model promises, whatever it computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from made_markov import Markov

import sidelight as sl
from sidelight.data.histories import Histories
from sidelight.errors import DataError, SpecError, UnknownIdError
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.content_space import LateContentWarning
from sidelight.models.explanation import EVERYBODY, LEAST_SHARE, PERSONAL_SHARE
from sidelight.models.recommender import NewItemsWarning, UnknownHistoryWarning
from sidelight.models.scorer import spaces_of
from sidelight.serving.database.database import Database
from sidelight.serving.engine import Engine
from sidelight.serving.requests import RecommendRequest

TITLE, BRAND = sl.Text("title", "description"), sl.Categories("brand")
QUICK = sl.TrainingOptions(epochs=6, min_steps=4, lr=0.01)
MODELS = {
    "popular": sl.Popular(),
    "recent": sl.Popular(half_life=30),
    "item_knn": sl.ItemKNN(),
    "sequential_rules": sl.SequentialRules(window=5),
    "content_knn": sl.ContentKNN((TITLE, BRAND)),
    "content_knn_labels": sl.ContentKNN((TITLE, sl.PredictedLabels(BRAND, (TITLE,), reg=1.0))),
    "content_knn_steps": sl.ContentKNN((TITLE, BRAND), neighbours=15, steps=2, bridges=5),
    "hybrid_knn": sl.HybridKNN((TITLE,)),
    "ease": sl.EASE(reg=20.0),
    "ease_side": sl.EASESide((TITLE,), reg=20.0),
    "l3ae": sl.L3AE((TITLE, BRAND), dim=12),
    "ridge": sl.Ridge((TITLE, BRAND)),
    "ridge_taught": sl.Ridge((TITLE, BRAND), teacher=sl.EASE(20.0)),
    "als": sl.ALS(dim=8, epochs=3),
    "blend": sl.Blend((sl.Popular(), sl.EASE(20.0), sl.ContentKNN((TITLE,))), depth=40),
    "two_tower": sl.TwoTower(
        (TITLE, BRAND), dim=16, options=sl.TrainingOptions(epochs=6, min_steps=4, lr=0.01)
    ),
    "of_another_package": Markov(),
}
KNN = ("content_knn", "content_knn_labels", "content_knn_steps", "hybrid_knn")
CONTENT = (*KNN, "l3ae", "ridge", "ridge_taught", "blend", "two_tower")


@pytest.fixture(scope="module")
def split(_shop):
    return sl.split.automatic(sl.read(_shop))


@pytest.fixture(scope="module")
def fitted(split):
    made = {}

    def get(name):
        if name not in made:
            made[name] = MODELS[name].fit(split)
        return made[name]

    return get


@pytest.fixture(params=MODELS, scope="module")
def model(request, fitted):
    return fitted(request.param)


def test_scores_are_finite_float32_of_the_right_shape(model, split):
    scores = model.score(split.histories()[:7])
    assert scores.shape == (7, split.data.n_items)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_an_empty_history_scores_nothing_or_popularity(model, split):
    scores = model.score(sp.csr_matrix((1, split.data.n_items), dtype=np.float32))
    assert np.isfinite(scores).all()


def test_scores_of_a_user_do_not_depend_on_the_block(model, split):
    rows = split.histories().matrix()
    together = model.score(rows[:10])
    apart = np.vstack([model.score(rows[i : i + 1]) for i in range(10)])
    np.testing.assert_allclose(together, apart, rtol=2e-4, atol=2e-5)


def test_lists_are_ranked_unseen_and_complete(model, split):
    answer = model.recommend(k=12)
    assert answer.columns == ["user_id", "item_id", "score", "rank", "source"]
    assert answer.group_by("user_id").len()["len"].unique().to_list() == [12]
    for (user,), rows in answer.group_by(["user_id"]):
        assert rows["rank"].to_list() == list(range(1, 13))
        personal = rows.filter(pl.col("source") == "personal")["score"].to_numpy()
        assert (np.diff(personal) <= 0).all()
        at = split.data.user_index([user])[0]
        seen = set(split.data.item_ids[split.histories().matrix()[at].indices])
        assert not seen & set(rows["item_id"])
        assert rows["item_id"].n_unique() == 12


def test_filter_seen_can_be_turned_off(fitted, split):
    answer = fitted("popular").recommend(users=["u01"], k=80, filter_seen=False)
    assert len(answer) == 80


@settings(max_examples=8)
@given(short=st.integers(1, 20), more=st.integers(0, 20))
def test_a_longer_list_starts_with_the_shorter(model, short, more):
    people = ["u03", "u11", "nobody"]
    a = model.recommend(users=people, k=short)
    b = model.recommend(users=people, k=short + more).filter(pl.col("rank") <= short)
    assert a.equals(b)


def test_candidates_are_kept_to(model):
    only = ["i05", "i79", "i80"]
    answer = model.recommend(users=["u01", "u02"], k=10, candidates=only, filter_seen=False)
    assert set(answer["item_id"]) == set(only)
    assert len(answer) == 6


def test_unknown_candidates_are_an_error_with_the_nearest_id(model):
    with pytest.raises(UnknownIdError, match="did you mean 'i05'"):
        model.recommend(users=["u01"], candidates=["i05x"])


def test_unknown_users_get_the_most_popular(model, split):
    answer = model.recommend(users=["nobody"], k=5)
    count = np.asarray(split.histories().matrix().sum(axis=0)).ravel()
    best = split.data.item_ids[np.argsort(-count, kind="stable")[:5]]
    assert answer["item_id"].to_list() == best.tolist()
    assert set(answer["source"]) == {"popular:unknown-user"}


def test_an_empty_history_gets_the_most_popular(model):
    answer = model.recommend(histories=[[]], k=3)
    assert set(answer["source"]) == {"popular:empty-history"}
    assert len(answer) == 3


def test_unknown_history_items_are_said_and_left_out(model):
    with pytest.warns(UnknownHistoryWarning, match="1 of 3 .* 'zz'"):
        some = model.recommend(histories=[["i01", "zz", "i02"]], k=5)
    assert some.equals(model.recommend(histories=[["i01", "i02"]], k=5))


def test_a_stored_user_equals_the_same_history(model, split):
    at = split.data.user_index(["u07"])[0]
    history = split.data.item_ids[split.histories().row(at)].tolist()
    a = model.recommend(users=["u07"], k=9)
    b = model.recommend(histories=[history], k=9)
    assert a["item_id"].to_list() == b["item_id"].to_list()
    np.testing.assert_allclose(a["score"].to_numpy(), b["score"].to_numpy(), rtol=1e-5)


@pytest.mark.parametrize("k", [0, -1, 2.5, "ten"])
def test_a_wrong_k_is_refused(fitted, k):
    with pytest.raises(SpecError, match="k >= 1"):
        fitted("popular").recommend(k=k)


def test_users_and_histories_together_are_refused(fitted):
    with pytest.raises(SpecError, match="users or histories"):
        fitted("popular").recommend(users=["u01"], histories=[["i01"]])


def test_saved_and_loaded_scores_are_equal(model, split, tmp_path):
    model.save(tmp_path / "m")
    again = sl.load(tmp_path / "m")
    rows = split.histories()
    assert np.array_equal(model.score(rows), again.score(rows))
    assert again.spec == model.spec
    assert model.recommend(k=7).equals(again.recommend(k=7))


def test_similar_leaves_the_item_out(model):
    answer = model.similar(["i09", "i10"], k=4)
    assert answer.columns == ["item_id", "similar_id", "score", "rank"]
    assert not (answer["item_id"] == answer["similar_id"]).any()
    with pytest.raises(UnknownIdError, match="did you mean"):
        model.similar(["i099"])


def test_similarity_among_some_items_is_that_among_all(model):
    among = np.array([5, 3, 40, 79])
    queries = np.array([3, 40])
    whole, part = model.scorer.similar(queries), model.scorer.similar(queries, among)
    assert whole.shape == (2, 80) and part.shape == (2, 4) and part.dtype == np.float32
    if not isinstance(model.scorer, BlendScorer):  # which scales each part by its largest value there
        np.testing.assert_allclose(part, whole[:, among], rtol=1e-5, atol=1e-6)


def test_content_spaces_are_changed_in_every_part(model):
    spaces = spaces_of(model.scorer)
    assert bool(spaces) == model.scorer.supports_cold_items
    empty = model.scorer.with_spaces(lambda space: replace(space, weights=()))
    assert [space.weights for space in spaces_of(empty)] == [()] * len(spaces)


def test_other_content_of_a_cold_item_moves_it_and_no_other(model, split):
    cold = np.flatnonzero(model.items.popular == 0)[:1]
    row = model.items.rows[cold.tolist()].with_columns(title=pl.lit("folding guitar no 5"))
    before, after = (s.score(split.histories()) for s in (model.scorer, model.scorer.revised(row, cold)))
    others = np.arange(80) != cold[0]
    np.testing.assert_allclose(after[:, others], before[:, others], rtol=1e-5, atol=1e-6)
    assert (after[:, cold] != before[:, cold]).any() == model.scorer.supports_cold_items


def test_the_engine_serves_the_lists_of_the_model(model, tmp_path):
    with (
        Database.open(str(tmp_path / "served.sqlite")) as database,
        Engine(model.save(tmp_path / "m"), database) as engine,
    ):
        for who in ({"user": "u07"}, {"history": ("i01", "i09", "i05")}):
            found = engine.recommend(RecommendRequest(**who, k=9))
            user = {"users": ["u07"]} if "user" in who else {"histories": [who["history"]]}
            expected = model.recommend(**user, k=9)
            assert [each.item_id for each in found.items] == expected["item_id"].to_list()
            assert [each.source for each in found.items] == expected["source"].to_list()


def test_audience_leaves_out_who_has_it(model, split):
    answer = model.audience(["i01"], k=60)
    have = split.data.user_ids[np.flatnonzero(split.histories().matrix()[:, 0].toarray().ravel())]
    assert not set(answer["user_id"]) & set(have.tolist())
    assert (np.diff(answer["place"]) >= 0).all()
    for user, place in answer.select("user_id", "place").head(3).iter_rows():
        scores = model.score(split.histories()[split.data.user_index([user])])[0]
        seen = split.histories().matrix()[split.data.user_index([user])[0]].indices
        better = set(np.flatnonzero(scores > scores[0]).tolist()) - set(seen.tolist())
        assert place == len(better) + 1


def test_the_scores_without_an_item_are_those_of_the_shorter_history(model, split):
    items = np.array([0, 12, 33, 79])
    for user in (5, 11):
        seen = split.histories().row(user).astype(np.int64)
        cut = model.scorer.without(seen, items)
        rows = Histories.of_lists(
            [seen, *(np.delete(seen, at) for at in range(len(seen)))], split.data.n_items
        )
        np.testing.assert_allclose(cut, model.score(rows)[:, items], rtol=1e-3, atol=1e-5)
    assert model.scorer.without(np.zeros(0, np.int64), items).shape == (1, 4)


def test_shares_are_of_the_whole_score_and_sum_to_its_sign(model, split):
    for user in ("u01", "u05", "u33"):
        row = split.histories().matrix()[split.data.user_index([user])[0]]
        fixed = model.scorer.user_independent_scores(np.array([row.nnz]), np.arange(80)[None])[0]
        for row in model.recommend(users=[user], k=5).iter_rows(named=True):
            found = model.explain(row["item_id"], user=user, k=2)
            parts = [found.popularity, found.user, found.context, found.rest]
            total = sum(parts) + sum(share for _, _, share in found.history)
            assert total == pytest.approx(np.sign(found.score), abs=1e-6) and len(found.history) <= 2
            at = split.data.item_index([row["item_id"]])[0]
            if found.score > 0:
                assert found.popularity == pytest.approx(fixed[at] / found.score, abs=1e-5)
                assert (row["source"] == "personal") == (1 - found.popularity > PERSONAL_SHARE)
            assert all(share > PERSONAL_SHARE for _, share in found.because)
            assert all(share >= LEAST_SHARE for _, share in found.words)
            # Words above 0 carry no more than the history, but where others may speak against it.
            carried = sum(share for _, share in model.explain(row["item_id"], user=user, k=80).words)
            most = max(0.0, np.sign(found.score) - found.popularity) + 0.02
            assert carried <= most or isinstance(model.spec, sl.Ridge | sl.L3AE)


def test_a_history_that_hardly_counts_is_no_reason(split):
    """Popularity carries almost the whole score: no list of such a model is personal."""
    ease, popular = sl.EASE(20.0, floor=False).fit(split), sl.Popular().fit(split)
    weights = np.array([[1.0, 0.001], [1.0, 0.001]])
    mixed = BlendScorer.build([popular.scorer, ease.scorer], weights, np.ones(2), np.where(split.cold, 0, 1))
    model = replace(popular, scorer=mixed)
    lists = model.recommend(k=5)
    assert set(lists["source"]) == {"popular"}
    for row in lists.head(10).iter_rows(named=True):
        found = model.explain(row["item_id"], user=row["user_id"])
        assert not found.because and "because" not in str(found)
        assert found.reasons[0][0] == EVERYBODY and found.reasons[0][1] > 0.9
        assert f"{EVERYBODY}: {found.popularity:.0%}" in str(found)


def test_the_audience_counts_who_would_have_the_item_among_the_first(model, split):
    lists = model.recommend(k=5).filter(pl.col("score") > 0)
    for item in ("i01", "i40"):
        found = model.audience([item], k=5)
        have = lists.filter(pl.col("item_id") == item)["user_id"].n_unique()
        if len(found):
            assert set(found["reached"]) == {have} and set(found["users"]) == {split.data.n_users}
            assert (found["place"] <= 5).sum() == min(5, have)
        else:
            assert have == 0


@pytest.mark.parametrize("name", CONTENT)
def test_a_new_item_is_recommended_from_its_content(fitted, split, name):
    model = fitted(name)
    rows = split.data.items.filter(pl.col("item_id") == "i03").with_columns(item_id=pl.lit("new"))
    grown = model.add_items(rows)
    scores = grown.score(_wide(split.histories().matrix(), 1))[:, -1]
    fans = np.asarray(split.histories().matrix()[:, split.data.item_index(["i03"])[0]].toarray()).ravel() > 0
    # Whoever has the twin should care for the new item more than the others do.
    assert scores[fans].mean() > scores[~fans].mean()
    assert len(grown.audience(["new"], k=10)) == 10
    assert grown.similar(["new"], k=1)["similar_id"].to_list() == ["i03"]
    old = grown.score(_wide(split.histories().matrix(), 1))[:, :-1]
    np.testing.assert_allclose(old, model.score(split.histories()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [n for n in MODELS if n not in CONTENT])
def test_models_without_content_of_new_items_give_them_no_evidence(fitted, split, name):
    with pytest.warns(NewItemsWarning, match="1 new ones score 0"):
        grown = fitted(name).add_items(pl.DataFrame({"item_id": ["new"]}))
    assert (grown.score(_wide(split.histories().matrix(), 1))[:, -1] == 0).all()


def _wide(histories, by):
    out = histories.copy()
    out.resize((histories.shape[0], histories.shape[1] + by))
    return out


def test_added_items_survive_saving(fitted, tmp_path, split):
    grown = fitted("blend").add_items(pl.DataFrame({"item_id": ["a-first"], "title": ["sturdy tent"]}))
    grown.save(tmp_path / "m")
    again = sl.load(tmp_path / "m")
    assert again.recommend(users=["u01"], k=81).equals(grown.recommend(users=["u01"], k=81))
    assert again.audience(["a-first"], k=3).equals(grown.audience(["a-first"], k=3))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"item_id": ["i01"]}, "which exists"),
        ({"item_id": ["n", "n"]}, "repeated"),
        ({"title": ["x"]}, "'item_id'"),
        ({"item_id": ["n"], "titel": ["x"]}, "did you mean 'title'"),
        ({"item_id": ["n"], "price": ["dear"]}, "column 'price'"),
    ],
)
def test_wrong_new_items_are_refused(fitted, rows, message):
    with pytest.raises(DataError, match=message):
        fitted("content_knn").add_items(pl.DataFrame(rows))


@pytest.mark.parametrize("name", CONTENT)
def test_an_explanation_names_history_and_words(fitted, split, name):
    model = fitted(name)
    best = model.recommend(users=["u01"], k=1)["item_id"][0]
    reason = model.explain(best, user="u01")
    at = split.data.user_index(["u01"])[0]
    seen = set(split.data.item_ids[split.histories().matrix()[at].indices])
    assert reason.history and {i for i, _, _ in reason.history} <= seen
    sizes = [abs(v) for _, _, v in reason.history]
    assert sizes == sorted(sizes, reverse=True)
    assert reason.words and "because of" in str(reason)


def test_content_that_comes_after_launch_is_warned_of(split):
    schema = split.data.schema
    late = tuple(replace(c, known_at_launch=c.name != "tags") for c in schema.items)
    told = replace(split, data=replace(split.data, schema=replace(schema, items=late)))
    with pytest.warns(LateContentWarning, match="'tags' may not exist"):
        sl.ContentKNN((sl.Tags("tags"),)).fit(told)


def test_rows_that_no_history_moved_are_not_called_personal(fitted):
    assert set(fitted("popular").recommend(k=5)["source"]) == {"popular"}


@pytest.mark.parametrize("wrong", [{"users": []}, {"users": 5.0}, {"candidates": []}])
def test_no_ids_are_refused(fitted, wrong):
    with pytest.raises(SpecError, match=r"at least one id|list of ids"):
        fitted("ease").recommend(**{"users": ["u01"], **wrong})


def test_one_id_stands_for_itself(fitted):
    model = fitted("content_knn")
    assert model.similar("i09", k=3).equals(model.similar(["i09"], k=3))
    assert model.audience("i09", k=3).equals(model.audience(["i09"], k=3))
    assert model.recommend(users="u01", k=3, candidates="i79").height == 1


@pytest.mark.parametrize("verb", ["similar", "audience"])
def test_a_wrong_k_is_refused_everywhere(fitted, verb):
    with pytest.raises(SpecError, match="k >= 1"):
        getattr(fitted("ease"), verb)(["i01"], k=0)


def test_an_explanation_needs_one_person(fitted):
    with pytest.raises(SpecError, match="a user or a history"):
        fitted("ease").explain("i01")


@pytest.mark.parametrize("name", ["item_knn", "ease", "ridge", "blend", "als"])
def test_row_order_and_duplicates_do_not_matter(split, fitted, name, _shop):
    data = sl.read(_shop)
    events = pl.read_csv(_shop / "interactions.csv")
    items = pl.read_csv(_shop / "items.csv", infer_schema=False)
    mixed = pl.concat([events, events.sample(200, seed=1)]).sample(fraction=1.0, shuffle=True, seed=2)
    again = sl.from_frames(mixed, items.sample(fraction=1.0, shuffle=True, seed=3), schema=data.schema)
    other = MODELS[name].fit(sl.split.automatic(again))
    assert np.array_equal(other.score(split.histories()), fitted(name).score(split.histories()))


def test_a_flat_history_is_refused(fitted):
    with pytest.raises(SpecError, match="list of lists"):
        fitted("ease").recommend(histories=["i01", "i02"])


@pytest.mark.parametrize("name", MODELS)
def test_only_a_split_can_be_fitted(name, split):
    with pytest.raises(SpecError, match=r"expected a Split; found a Dataset"):
        MODELS[name].fit(split.data)


def test_a_spec_is_not_a_fitted_model(split):
    with pytest.raises(SpecError, match="fit it first"):
        sl.evaluate(sl.EASE(), split)


def test_content_without_a_comma_is_answered(split):
    with pytest.raises(SpecError, match="with a comma"):
        sl.ContentKNN(TITLE).fit(split)


def test_new_items_may_be_a_dict_of_columns(fitted):
    grown = fitted("content_knn").add_items({"item_id": ["n"], "title": ["sturdy tent"]})
    assert len(grown.audience("n", k=2)) == 2
    with pytest.raises(DataError, match="frame, or a dict of columns; found int"):
        fitted("content_knn").add_items(5)


def test_a_model_prints_as_one_line(model):
    assert len(repr(model)) < 80 and "80 items" in repr(model)


def test_function_words_are_no_reasons(fitted):
    for item in ("i05", "i12", "i33"):
        words = [w for w, _ in fitted("ridge").explain(item, user="u01", k=10).words]
        assert not {"for", "no", "the", "with", "a"} & set(words)


@pytest.mark.parametrize("spec", [{"neighbours": 0}, {"power": 0}, {"hub": 2}, {"shrink": -1}])
def test_wrong_neighbour_options_are_refused(spec):
    with pytest.raises(SpecError, match=f"option {next(iter(spec))!r} of ItemKNN"):
        sl.ItemKNN(**spec)
