"""Scores in which newer events of a history count more."""

from __future__ import annotations

import numpy as np
import pytest
from models.cases import _space

import sidelight as sl
from sidelight.data.histories import Histories
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.popular import Popular
from sidelight.models.recency import RecencyScorer, with_recency
from sidelight.models.restore import restore_scorer

DECAY = 0.6
SPECS = {
    "ease": sl.EASE(5.0, floor=False),
    "item_knn": sl.ItemKNN(floor=False),
    "content_knn": sl.ContentKNN((sl.Text("title", min_df=1),), floor=False),
    "hybrid_knn": sl.HybridKNN((sl.Text("title", min_df=1),), floor=False),
    "ridge": sl.Ridge((sl.Text("title", min_df=1),), floor=False),
    "l3ae": sl.L3AE((sl.Text("title", min_df=1),), floor=False),
}


@pytest.fixture(params=SPECS)
def part(request, split):
    return SPECS[request.param].fit(split).scorer


def test_the_score_is_the_weighted_sum_of_single_events(part, split):
    history = [7, 2, 9, 4]
    scorer = with_recency(part, DECAY)
    got = scorer.score(Histories.of_lists([history], split.data.n_items))[0]
    each = part.score(Histories.of_lists([[item] for item in history], split.data.n_items))
    np.testing.assert_allclose(got, DECAY ** np.array([3, 2, 1, 0]) @ each, rtol=1e-4, atol=1e-5)


def test_leaving_an_event_out_gives_the_score_of_the_shorter_history(part, split):
    history, items = np.array([7, 2, 9, 4]), np.arange(split.data.n_items)
    scorer = with_recency(part, DECAY)
    rows = [history, *(np.delete(history, at) for at in range(4))]
    expected = scorer.score(Histories.of_lists(rows, split.data.n_items))
    np.testing.assert_allclose(scorer.without(history, items), expected, rtol=1e-3, atol=1e-4)
    assert scorer.without(np.zeros(0, np.int64), items).shape == (1, split.data.n_items)


def test_an_unknown_order_changes_nothing(part, split):
    rows = split.histories().matrix()[:3]
    scorer = with_recency(part, DECAY)
    np.testing.assert_array_equal(scorer.score(rows), part.score(rows))
    np.testing.assert_array_equal(scorer.score(Histories.of_matrix(rows)), part.score(rows))


def test_a_saved_scorer_scores_alike(part, split):
    scorer = with_recency(part, DECAY)
    again = restore_scorer("RecencyScorer", *scorer.state())
    rows = Histories.of_lists([[7, 2], [1]], split.data.n_items)
    np.testing.assert_array_equal(again.score(rows), scorer.score(rows))
    assert again.supports_cold_items == part.supports_cold_items


def test_words_follow_the_weights_of_their_events(split):
    part = SPECS["content_knn"].fit(split).scorer
    scorer = RecencyScorer(part, 1e-3)
    old, new, items = 7, 2, np.arange(split.data.n_items)
    for found, alone in zip(
        scorer.top_terms(np.array([old, new]), items, 50),
        part.top_terms(np.array([new]), items, 50),
        strict=True,
    ):
        loud = {word for word, value in found if value > 0.01 * found[0][1]}
        assert loud <= {word for word, _ in alone} or not alone


def test_new_items_are_placed_by_the_part(split):
    scorer = with_recency(SPECS["content_knn"].fit(split).scorer, DECAY)
    grown = scorer.with_items(split.data.items[[3]])
    assert grown.similar(np.array([3]), slice(None))[0, -1] == pytest.approx(1.0, abs=1e-5)
    spaces = []
    grown.revised(split.data.items[[4]], np.array([split.data.n_items])).with_spaces(
        lambda space: spaces.append(space) or space
    )
    assert spaces[0].n_items == split.data.n_items + 1
    assert _space(split, sl.Text("title", min_df=1)).n_items == split.data.n_items


def test_only_sums_over_the_history_fade(split):
    popular = Popular().fit(split).scorer
    ease = SPECS["ease"].fit(split).scorer
    assert with_recency(popular, DECAY) is popular
    assert with_recency(ease, 1.0) is ease
    blend = BlendScorer.build([ease], np.ones((2, 1)), np.ones(1), np.zeros(split.data.n_items, np.int64))
    assert with_recency(blend, DECAY) is blend
