"""The blend: weights from validation, one list, cold items in fair proportion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sidelight as sl
from sidelight.data.synthetic import planted
from sidelight.errors import SpecError
from sidelight.models.blend import ascend, natural
from sidelight.models.mixture import Mixture
from sidelight.models.pool import Pool


@pytest.fixture(scope="module")
def split():
    data = planted(n_users=300, n_items=400, n_events=6000, seed=3).data
    return sl.split.cold_items(data, share=0.2, seed=1)


@pytest.fixture(scope="module")
def parts():
    return sl.Popular(), sl.EASE(20.0), sl.ContentKNN((sl.Text("title"),))


@pytest.fixture(scope="module")
def blend(split, parts):
    return sl.Blend(parts).fit(split)


def test_pooled_ndcg_is_that_of_the_full_ranking(split, parts):
    """A pool deep enough to hold each top list measures what `evaluate` measures."""
    choosing = split.selection()
    model = parts[2].fit(choosing)
    users = np.flatnonzero(choosing.truth().getnnz(axis=1))
    pool = Pool.build([model.scorer], choosing, users, 60)
    exact = sl.evaluate(model, choosing, ks=(20,)).figures()
    for which in ("cold", "warm", "overall"):
        assert pool.ndcg(pool.values[0], which, 20) == pytest.approx(exact[f"{which}.ndcg@20"], abs=2e-3)


def test_blend_is_at_least_its_best_component_everywhere_on_validation(split, parts, blend):
    choosing = split.selection()
    mixed = sl.evaluate(sl.Blend(parts).fit(choosing), choosing, ks=(20,)).figures()
    for which in ("cold", "warm", "overall"):
        best = max(
            sl.evaluate(p.fit(choosing), choosing, ks=(20,)).figures()[f"{which}.ndcg@20"] for p in parts
        )
        assert mixed[f"{which}.ndcg@20"] >= best - 5e-3


def test_cold_items_get_slots_near_their_share_of_relevance(split, blend, parts):
    """EASE alone shows no new item; the blend must, and not only new ones."""
    choosing = split.selection()
    alone = sl.evaluate(parts[1].fit(choosing), choosing, ks=(20,)).figures()
    mixed = sl.evaluate(sl.Blend(parts).fit(choosing), choosing, ks=(20,)).figures()
    assert alone["overall.cold_slots@20"] < 0.02
    share = mixed["overall.cold_relevance"]
    assert 0.3 * share < mixed["overall.cold_slots@20"] < min(1.0, 3 * share)


@pytest.mark.parametrize("exposure", [0.0, 0.5, 1.0])
def test_the_gain_of_cold_items_is_raised_until_they_have_their_slots(exposure):
    """Cold items score a hundredth of warm ones here: left alone they would get no slot."""
    rng = np.random.default_rng(0)
    n, width = 50, 60
    items = np.tile(np.arange(width, dtype=np.int32), (n, 1))
    cold = items < 20
    scores = rng.random((n, width)).astype(np.float32) * np.where(cold, 0.01, 1.0).astype(np.float32)
    counts = np.array([np.full(n, 2.0), np.full(n, 3.0), np.full(n, 5.0)])
    pool = Pool(scores[None], items, rng.random((n, width)) < 0.1, cold, counts, np.ones(n, dtype=bool))
    assert pool.cold_relevance == pytest.approx(0.4)
    assert pool.cold_slots(scores, 20) < 0.01
    place = np.where(cold, 0, 1)
    gains = sl.Blend((sl.Popular(),), exposure=exposure)._exposed(pool, scores, place, np.ones(2))
    assert gains[1] == 1.0
    shown = pool.cold_slots((gains[place] * scores).astype(np.float32), 20)
    assert exposure * 0.4 <= shown < exposure * 0.4 + 0.03


def test_items_that_join_later_are_weighed_like_cold_ones(blend, split):
    cold = np.flatnonzero(split.cold)[0]
    rows = split.data.items[int(cold)]
    grown = blend.add_items(rows.with_columns(item_id=_new_id(split)))
    histories = split.histories()
    wide = histories.copy()
    wide.resize((histories.shape[0], histories.shape[1] + 1))
    np.testing.assert_allclose(
        grown.score(wide)[:, -1], blend.score(histories)[:, cold], rtol=1e-3, atol=1e-4
    )


def _new_id(split):
    import polars as pl

    ids = split.data.item_ids
    return pl.lit(int(ids.max()) + 1) if ids.dtype.kind in "iu" else pl.lit("zz-new")


def test_parts_without_weight_are_let_go():
    weights = np.array([[0.0, 1.0], [0.0, 2.0]])
    made = Mixture.build(["a", "b"], weights, np.ones(3), np.array([0, 1, 2]))
    assert made.parts == ("b",)
    np.testing.assert_allclose(made.weights, [[1.0, 2.0, 2.0]])


def test_ascent_finds_a_known_optimum_and_never_gets_worse():
    target = np.array([0.5, 1.0, 0.0])

    def quality(w):
        return 10 - float(((w - target) ** 2).sum())

    found = ascend(quality, np.array([True, True, True]))
    np.testing.assert_allclose(found, target)
    assert ascend(quality, np.array([True, False, False]))[1] == 0


def test_no_validation_events_is_an_error(split, parts):
    empty = replace(split, validation=split.validation[:0], simulated=np.zeros_like(split.simulated))
    with pytest.raises(SpecError, match="validation events"):
        sl.Blend(parts).fit(empty)


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


def test_hidden_items_count_at_the_rate_of_validation():
    data = planted(n_users=300, n_items=400, n_events=9000, seed=5).data
    split = sl.split.random_per_user(data, validation=0.1, test=0.1)
    chosen = split.selection(minimum=10_000)
    hidden = len(chosen.validation) - len(split.validation)
    thin = natural(chosen, split, seed=0)
    kept = len(thin.validation) - len(split.validation)
    assert hidden > 100 and 0.05 * hidden < kept < 0.25 * hidden
    assert kept + len(thin.sealed) == hidden
    pairs = data.matrix(thin.sealed)
    assert (thin.excluded("validation").multiply(pairs)).nnz == pairs.nnz
    assert thin.truth().multiply(pairs).nnz == 0


def test_few_cold_items_with_content_do_not_flood_the_lists(parts):
    """What cannot be reached is not forced: new items stay a part of the list."""
    data = planted(n_users=200, n_items=60, n_events=2500, seed=2).data
    split = sl.split.random_per_user(data)
    model = sl.Blend(parts, depth=30).fit(split)
    twins = data.items.head(3).with_columns(item_id=_ids(data, 3))
    lists = model.add_items(twins).recommend(k=10)
    fresh = set(twins["item_id"])
    first = lists.filter(lists["rank"] == 1)
    assert first["item_id"].is_in(list(fresh)).mean() < 0.5


def _ids(data, n):
    import polars as pl

    if data.item_ids.dtype.kind in "iu":
        return pl.Series([int(data.item_ids.max()) + 1 + i for i in range(n)])
    return pl.Series([f"zz-{i}" for i in range(n)])
