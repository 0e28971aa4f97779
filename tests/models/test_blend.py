"""The blend: from a prior to what held-out events justify; one list, new items in fair proportion."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import SpecError
from sidelight.models import weight_prior
from sidelight.models.blend import Blend
from sidelight.models.blend_candidates import BlendCandidates, recent
from sidelight.models.blend_choices import ThinEvidenceWarning
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.blend_weights import KNOTS, as_factors, cold_gain, knot_weights
from sidelight.models.components import Components
from sidelight.models.held_out_scores import buckets_of, folds_of
from sidelight.storage import placed, under

TITLE = (sl.Text("title", min_df=1),)


@pytest.fixture(scope="module")
def split():
    data = make_synthetic(n_users=300, n_items=400, n_events=6000, seed=3).data
    return sl.split.cold_items(data, share=0.2, seed=1)


@pytest.fixture(scope="module")
def parts():
    return sl.Popular(), sl.EASE(20.0, floor=False), sl.ContentKNN((sl.Text("title"),), floor=False)


@pytest.fixture(scope="module")
def blend(split, parts):
    return sl.Blend(parts).fit(split)


@pytest.fixture(scope="module")
def one_click():
    """Sixty users with one training event each and many to be found; titles tell everything."""
    items = pl.DataFrame(
        {
            "item_id": range(200),
            "title": [f"{'red tea pot' if i % 2 else 'running shoe'} no{i % 7}" for i in range(200)],
        }
    )
    rows = [(u, (2 * j * 7 + u % 2 + u // 2 * 6) % 200) for u in range(150) for j in range(6)]
    events = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row").unique(maintain_order=True)
    place = pl.int_range(pl.len()).over("user_id")
    parts = events.with_columns(split=pl.when(place == 0).then(pl.lit("train")).otherwise(pl.lit("test")))
    return sl.split.published(sl.from_frames(events, items=items), parts)


def figures(model, split, part="test"):
    final = part == "test"
    return sl.evaluate(model, split, part=part, final=final, ks=(20,), log=tempfile.mktemp()).figures()


def test_pooled_ndcg_is_that_of_the_full_ranking(split, parts):
    """A pool deep enough to hold each top list measures what `evaluate` measures."""
    choosing = sl.split.selection_split(split)
    model = parts[2].fit(choosing)
    users = np.flatnonzero(choosing.truth().getnnz(axis=1))
    pool = BlendCandidates.build([model.scorer], choosing, users, 60, buckets_of(choosing, (4,)))
    exact = sl.evaluate(model, choosing, ks=(20,)).figures()
    for which in ("cold", "warm", "overall"):
        slate = pool.slate(which, 20)
        assert slate.ndcg(slate.values[0]).mean() == pytest.approx(exact[f"{which}.ndcg@20"], abs=2e-3)


def test_blend_is_at_least_its_best_component_on_validation(split, parts):
    choosing = sl.split.selection_split(split)
    mixed = sl.evaluate(sl.Blend(parts, new_share="validation").fit(choosing), choosing, ks=(20,)).figures()
    for which in ("cold", "warm", "overall"):
        best = max(
            sl.evaluate(p.fit(choosing), choosing, ks=(20,)).figures()[f"{which}.ndcg@20"] for p in parts
        )
        assert mixed[f"{which}.ndcg@20"] >= best - 5e-3


def test_with_one_click_per_user_content_decides_and_not_popularity(one_click):
    """Nothing can be held out: the prior decides, says so, and puts content first."""
    knn = sl.ContentKNN(TITLE, floor=False)
    with pytest.warns(ThinEvidenceWarning, match="no user has a second event"):
        model = sl.Blend((sl.Popular(), sl.EASE(30.0, floor=False), knn)).fit(one_click)
    single = figures(knn.fit(one_click), one_click)["overall.ndcg@20"]
    popular = figures(sl.Popular().fit(one_click), one_click)["overall.ndcg@20"]
    assert figures(model, one_click)["overall.ndcg@20"] > 0.95 * single > 2 * popular
    assert model.choices["evidence"]["carved"] == 0
    assert not model.choices["warm"]["measured"]
    assert "prior" in str(model)


def test_the_order_of_the_components_changes_nothing(split, one_click):
    """With evidence and without; equal scores, bit for bit."""
    specs = (sl.Popular(), sl.ItemKNN(floor=False), sl.ContentKNN(TITLE, floor=False))
    for case in (split, one_click):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ThinEvidenceWarning)
            found = [sl.Blend(p).fit(case).score(case.histories()) for p in itertools.permutations(specs)]
        for other in found[1:]:
            np.testing.assert_array_equal(found[0], other)


def test_the_same_component_twice_weighs_as_much_as_once(one_click):
    """Neither the number nor the order of the parts is evidence."""
    knn, popular = sl.ContentKNN(TITLE, floor=False), sl.Popular()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ThinEvidenceWarning)
        once, twice = (sl.Blend(p).fit(one_click) for p in ((popular, knn), (popular, knn, knn)))
    rows = one_click.histories().matrix()
    np.testing.assert_allclose(once.score(rows), twice.score(rows), rtol=1e-4, atol=1e-6)


def test_stand_in_users_keep_a_history():
    """What is held out is never all that a user has."""
    data = make_synthetic(n_users=200, n_items=150, n_events=900, seed=4).data
    split = sl.split.random_per_user(data, validation=0.01, test=0.2)
    log = data.interactions
    for fold in range(3):
        chosen = sl.split.selection_split(split, fold=fold)
        assert len(chosen.validation) > len(split.validation)
        known = np.unique(log.user[chosen.train])
        carved = np.setdiff1d(chosen.validation, split.validation)
        assert np.isin(log.user[carved], known).all()
        assert not np.intersect1d(chosen.train, chosen.validation).size
        assert not len(chosen.sealed)


def test_thin_validation_is_completed_by_several_draws():
    data = make_synthetic(n_users=120, n_items=150, n_events=900, seed=4).data
    thin = sl.split.random_per_user(data, validation=0.01, test=0.2)
    folds = folds_of(thin)
    assert len(folds) == 3
    assert len({each.validation.tobytes() for each in folds}) == 3
    rich = sl.split.random_per_user(make_synthetic(n_users=300, n_items=200, n_events=9000, seed=4).data)
    assert len(folds_of(rich)) == 1


def test_a_second_click_is_enough_to_measure():
    """The warm side is chosen on carved events where validation is empty, and all is fitted again."""
    data = make_synthetic(n_users=400, n_items=200, n_events=4000, seed=6).data
    split = sl.split.random_per_user(data, validation=0.0001, test=0.1)
    split = replace(split, validation=split.validation[:0])
    model = sl.Blend((sl.Popular(), sl.ItemKNN(floor=False), sl.EASE(20.0, floor=False))).fit(split)
    assert model.choices["warm"]["measured"] and model.choices["evidence"]["carved"] > 200
    fresh = sl.EASE(20.0, floor=False).fit(split).scorer.weights
    ease = [p for p in model.scorer.parts if hasattr(p, "known")]
    assert not ease or np.array_equal(ease[0].weights, fresh)


def test_new_items_get_the_share_that_the_future_wants(split, parts, blend):
    """A split that holds items out shows more of them than there will be: the share is not copied."""
    choosing = sl.split.selection_split(split)
    alone = figures(parts[1].fit(choosing), choosing, "validation")
    copied = figures(sl.Blend(parts, new_share="validation").fit(choosing), choosing, "validation")
    future = figures(sl.Blend(parts).fit(choosing), choosing, "validation")
    assert alone["overall.cold_slots@20"] < 0.02
    share = copied["overall.cold_relevance"]
    assert 0.3 * share < copied["overall.cold_slots@20"] < min(1.0, 3 * share)
    assert 0.02 < future["overall.cold_slots@20"] < 0.7 * copied["overall.cold_slots@20"]
    assert "drawn alike" in blend.choices["demand"]["how"]


def made_pool(cold_scale=0.01):
    rng = np.random.default_rng(0)
    n, width = 50, 60
    items = np.tile(np.arange(width, dtype=np.int32), (n, 1))
    cold = items < 20
    scores = rng.random((n, width)).astype(np.float32) * np.where(cold, cold_scale, 1.0).astype(np.float32)
    relevant = rng.random((n, width)) < 0.1
    sides = (relevant & cold).sum(axis=1), (relevant & ~cold).sum(axis=1)
    counts = np.array([*sides, sides[0] + sides[1]], dtype=np.float64)
    return BlendCandidates(
        scores[None], items, relevant, np.where(cold, 0, 1), counts, np.ones(n, dtype=bool)
    )


@pytest.mark.parametrize("target", [0.0, 0.1, 0.2, 0.4])
def test_the_gain_of_cold_items_is_raised_until_they_have_their_places_and_no_further(target):
    """Cold items score a hundredth of warm ones here: left alone they would get no place."""
    pool, ones = made_pool(), np.ones((2, 1))
    assert pool.cold_slots(pool.values[0], 20) < 0.01
    gain = cold_gain(pool, ones, np.ones(2), 20, target, lower=False)
    shown = pool.cold_slots((np.where(pool.cold, gain, 1.0) * pool.values[0]).astype(np.float32), 20)
    assert target <= shown < target + 0.03


def test_no_more_than_half_of_the_cold_items_are_put_on_top():
    pool, ones = made_pool(), np.ones((2, 1))
    gain = cold_gain(pool, ones, np.ones(2), 20, 0.9, lower=False)
    shown = pool.cold_slots((np.where(pool.cold, gain, 1.0) * pool.values[0]).astype(np.float32), 20)
    assert 0.45 < shown < 0.55


def test_a_gain_is_lowered_only_on_request():
    pool, ones = made_pool(cold_scale=10.0), np.ones((2, 1))
    assert cold_gain(pool, ones, np.ones(2), 20, 0.2, lower=False) == 1.0
    gain = cold_gain(pool, ones, np.ones(2), 20, 0.2, lower=True)
    shown = pool.cold_slots((np.where(pool.cold, gain, 1.0) * pool.values[0]).astype(np.float32), 20)
    assert 0.2 <= shown < 0.25


def test_thinning_keeps_the_wanted_share_and_hides_what_goes():
    pool = made_pool()
    thin = pool.thinned(0.1, seed=0)
    cold, warm, every = thin.n_relevant
    assert cold.sum() / every.sum() == pytest.approx(0.1, abs=0.04)
    gone = (pool.items >= 0) & (thin.items < 0)
    assert gone.any() and pool.relevant[gone].all() and not thin.relevant[gone].any()
    np.testing.assert_array_equal(warm, pool.n_relevant[1])


def test_items_that_join_later_are_weighed_like_cold_ones(blend, split):
    cold = np.flatnonzero(split.cold)[0]
    rows = split.data.items[int(cold)]
    grown = blend.add_items(rows.with_columns(item_id=_new_id(split)))
    histories = split.histories().matrix()
    wide = histories.copy()
    wide.resize((histories.shape[0], histories.shape[1] + 1))
    np.testing.assert_allclose(
        grown.score(wide)[:, -1], blend.score(histories)[:, cold], rtol=1e-3, atol=1e-4
    )


def _new_id(split):
    ids = split.data.item_ids
    return pl.lit(int(ids.max()) + 1) if ids.dtype.kind in "iu" else pl.lit("zz-new")


def test_parts_without_weight_are_let_go():
    weights = np.array([[0.0, 1.0], [0.0, 2.0]])
    made = BlendScorer.build(["a", "b"], weights, np.ones(3), np.array([0, 1, 2]))
    assert made.parts == ("b",)
    np.testing.assert_allclose(made.weights, [[1.0, 2.0, 2.0]])


class Flat:
    """Scores 1 for every item of every row."""

    def __init__(self, n):
        self.n = n

    def score(self, histories):
        return np.ones((histories.shape[0], self.n), dtype=np.float32)


def test_factors_hold_at_their_knots_and_are_linear_between():
    factors = np.ones((5, 2, 2))
    factors[:, 1, 1] = [0.0, 1.0, 2.0, 3.0, 4.0]
    factors[:, 0, 0] = [5.0, 4.0, 3.0, 2.0, 1.0]
    made = BlendScorer.build([Flat(2), Flat(2)], np.ones((2, 2)), np.ones(2), np.array([0, 1]), factors)

    def score(n):
        wide = sp.csr_matrix(np.ones((1, n), dtype=np.float32)) if n else sp.csr_matrix((1, 1))
        return made.score(wide)[0]

    np.testing.assert_allclose(score(0), [6.0, 1.0])
    np.testing.assert_allclose(score(1), [5.0, 2.0])
    np.testing.assert_allclose(score(3), [4.0, 3.0])
    np.testing.assert_allclose(score(15), [2.0, 5.0])
    np.testing.assert_allclose(score(200), [2.0, 5.0])
    between = np.log2(3.0)  # two events: between the knots of 1 and 3
    np.testing.assert_allclose(score(2), [5 - (between - 1), 2 + (between - 1)], rtol=1e-6)
    np.testing.assert_allclose(made.at(np.array([3]), np.array([[1]])).ravel(), [1.0, 2.0])


def test_factors_survive_a_bundle_and_bundles_without_them_load(blend):
    factors = np.random.default_rng(0).random((5, 2, 3)) + 0.5
    scorers = blend.scorer.parts
    m = len(scorers)
    buckets = np.zeros(len(blend.items), dtype=np.int64)
    made = BlendScorer.build(scorers, np.ones((2, m)), np.ones(2), buckets, factors[..., :m], {"k": 1})
    arrays, meta = made.state()
    again = BlendScorer.restore(under("x", placed("x", arrays)), meta)
    rows = blend.people.histories.matrix()[:20]
    np.testing.assert_array_equal(again.score(rows), made.score(rows))
    assert again.choices == {"k": 1}
    old = BlendScorer.restore(
        {k: v for k, v in arrays.items() if k not in ("factors", "cold")}, {"parts": meta["parts"]}
    )
    assert not len(old.factors)


def test_popularity_stays_one_vector_when_it_is_trusted_more_for_short_histories():
    knots = np.ones((5, 2, 2))
    knots[:, 1, 0] = [4.0, 4.0, 2.0, 1.0, 0.5]  # popularity
    weights, factors = as_factors(knots, [1.0] * 5, np.array([True, False]))
    np.testing.assert_allclose(factors[:, 1, 0], 1.0)
    whole = factors * weights
    ratio = whole[:, 1, 1] / whole[:, 1, 0]
    np.testing.assert_allclose(ratio, knots[:, 1, 1] / knots[:, 1, 0])
    np.testing.assert_allclose(whole[:, 0, 1] / whole[:, 1, 1], 1.0)  # cold beside warm as before


def test_the_latest_events_of_a_history_are_kept():
    data = make_synthetic(n_users=40, n_items=60, n_events=600, seed=2).data
    split = sl.split.temporal(data)
    log = data.interactions
    users = np.flatnonzero(split.histories().lengths >= 3)
    short = recent(split, users, 2)
    assert (short.lengths == 2).all()
    for at, user in enumerate(users[:10]):
        rows = [r for r in split.train if log.user[r] == user]
        last = sorted(rows, key=lambda r: log.timestamp[r])[-2:]
        assert short.row(at).tolist() == [log.item[r] for r in last]


def test_short_histories_lean_on_what_holds_for_them():
    """A component that is wrong for one known event and right for many is trusted accordingly."""
    rng = np.random.default_rng(1)
    n, width = 200, 40
    relevant = np.zeros((n, width), dtype=bool)
    relevant[np.arange(n), rng.integers(width, size=n)] = True
    noise = rng.random((n, width)).astype(np.float32)
    right = relevant + 0.5 * noise
    counts = np.array([np.zeros(n), np.ones(n), np.ones(n)])
    items = np.tile(np.arange(width, dtype=np.int32), (n, 1))

    def pool(good):
        first, second = (right, noise) if good == 0 else (noise, right)
        values = np.stack([first, second]).astype(np.float32)
        return BlendCandidates(
            values, items, relevant, np.ones((n, width), dtype=int), counts, np.ones(n, dtype=bool)
        )

    start = np.array([[0.0, 0.0], [0.5, 0.5]])
    found, users = knot_weights([pool(0), None, None, pool(1)], start, np.array([False, False]), 10)
    assert users[1] == users[4] == n and users[2] == 0
    assert found[1, 1, 0] > 2 * found[1, 1, 1]
    assert found[4, 1, 1] > 2 * found[4, 1, 0]
    np.testing.assert_array_equal(found[2], start)
    assert len(found) == len(KNOTS)


def test_what_one_blend_fitted_another_need_not_fit_again(split, parts):
    fitted = {}
    first = sl.Blend(parts).fit(split, fitted=fitted)
    known = dict(fitted)
    again = sl.Blend((parts[2], parts[0])).fit(split, fitted=fitted)
    assert len(fitted) == len(known)
    plain = sl.Blend((parts[2], parts[0])).fit(split)
    np.testing.assert_array_equal(again.score(split.histories()), plain.score(split.histories()))
    assert first.choices["prior"] == weight_prior.provenance()


def test_wrong_options_are_refused():
    for wrong in ("often", 1.0, -0.1):
        with pytest.raises(SpecError, match="new_share"):
            Blend((sl.Popular(),), new_share=wrong)
    with pytest.raises(SpecError, match="depth"):
        Blend((sl.Popular(),), k=20, depth=10)


def test_components_are_fitted_without_a_floor_of_their_own():
    parts = Components.of((sl.EASE(20.0), sl.Popular()))
    assert not any(getattr(spec, "floor", False) for spec in parts.specs)


def test_better_models_score_better_on_planted_tastes(split):
    def warm(spec):
        return sl.evaluate(spec.fit(split), split, ks=(20,)).figures()["warm.ndcg@20"]

    def cold(spec):
        return sl.evaluate(spec.fit(split), split, ks=(20,)).figures()["cold.ndcg@20"]

    title = (sl.Text("title"),)
    assert warm(sl.EASE(100.0)) > 1.1 * warm(sl.Popular())
    assert cold(sl.ContentKNN(title)) > 1.2 * cold(sl.EASE(20.0))
    assert cold(sl.Ridge(title)) > 1.2 * cold(sl.Popular())


def test_the_test_part_has_no_say_in_the_weights(split, parts):
    """Published protocols mask test pairs on validation; choosing must not even do that."""
    open_, without = (replace(split, mask="others", sealed=s) for s in (split.sealed, split.sealed[:0]))
    a, b = sl.Blend(parts).fit(open_), sl.Blend(parts).fit(without)
    assert np.array_equal(a.scorer.weights, b.scorer.weights)


def test_the_test_part_has_no_say_in_a_floor():
    """Popularity under a single model is measured on validation alone, whatever the protocol masks."""
    data = make_synthetic(n_users=400, n_items=120, n_events=5000, seed=8).data
    split = replace(sl.split.random_per_user(data, validation=0.2, test=0.2), mask="others")
    without = replace(split, sealed=split.sealed[:0])
    spec = sl.ItemKNN(shrink=300.0)
    scorers = [spec.fit(each).scorer for each in (split, without)]
    assert all(isinstance(scorer, BlendScorer) for scorer in scorers)
    np.testing.assert_array_equal(scorers[0].factors, scorers[1].factors)
    np.testing.assert_array_equal(scorers[0].weights, scorers[1].weights)


def test_few_cold_items_with_content_do_not_flood_the_lists(parts):
    """What cannot be reached is not forced: new items stay a part of the list."""
    data = make_synthetic(n_users=200, n_items=60, n_events=2500, seed=2).data
    split = sl.split.random_per_user(data)
    model = sl.Blend(parts, depth=30).fit(split)
    twins = data.items.head(3).with_columns(item_id=_ids(data, 3))
    lists = model.add_items(twins).recommend(k=10)
    fresh = set(twins["item_id"])
    first = lists.filter(lists["rank"] == 1)
    assert first["item_id"].is_in(list(fresh)).mean() < 0.5


def _ids(data, n):
    if data.item_ids.dtype.kind in "iu":
        return pl.Series([int(data.item_ids.max()) + 1 + i for i in range(n)])
    return pl.Series([f"zz-{i}" for i in range(n)])
