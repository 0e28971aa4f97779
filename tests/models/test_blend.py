"""The blend: from a prior to what held-out events justify; one list, new items in fair proportion."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import SpecError
from sidelight.models.blend import Blend
from sidelight.models.blend_choices import ThinEvidenceWarning

TITLE = (sl.Text("title", min_df=1),)


@pytest.fixture(scope="module")
def split():
    data = make_synthetic(n_users=300, n_items=400, n_events=6000, seed=3).data
    return sl.split.cold_items(data, share=0.2, seed=1)


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


def test_wrong_options_are_refused():
    for wrong in ("often", 1.0, -0.1):
        with pytest.raises(SpecError, match="new_share"):
            Blend((sl.Popular(),), new_share=wrong)
    with pytest.raises(SpecError, match="depth"):
        Blend((sl.Popular(),), k=20, depth=10)


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
