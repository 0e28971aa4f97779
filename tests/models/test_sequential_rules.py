"""Sequential rules beside a slow count, order in and order lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from made_splits import without_order

import sidelight as sl
from sidelight.data.histories import Histories
from sidelight.data.synthetic import make_synthetic
from sidelight.errors import DataError
from sidelight.models.sequential_rules import SequentialRules, successions

PLAIN = SequentialRules(window=3, shrink=2.0, decay=0.5, floor=False)


@pytest.fixture(scope="module")
def split():
    return sl.split.leave_last_out(make_synthetic(60, 40, 700, seed=4).data)


def slow_weights(histories, spec):
    """The formula, pair by pair."""
    n = histories.shape[1]
    counts, users = np.zeros((n, n)), np.zeros(n)
    for row in range(len(histories)):
        items = histories.row(row)
        users[items] += 1
        for first, i in enumerate(items):
            for distance, j in enumerate(items[first + 1 : first + 1 + spec.window], start=1):
                counts[i, j] += 1 / distance
    return counts / (users[:, None] + spec.shrink)


def test_the_weights_are_those_of_the_formula(split):
    expected = slow_weights(split.histories(), PLAIN)
    found = PLAIN.fit(split).scorer.part.weights
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-5)


def test_the_newest_event_counts_most(split):
    expected = slow_weights(split.histories(), PLAIN)
    scorer = PLAIN.fit(split).scorer
    found = scorer.score(Histories.of_lists([[3, 5, 8]], split.data.n_items))[0]
    np.testing.assert_allclose(found, 0.25 * expected[3] + 0.5 * expected[5] + expected[8], rtol=1e-5)


def test_what_always_follows_is_what_comes_next():
    """Everybody goes through the items in one order, from a start of their own."""
    n = 30
    steps = [(user, (user + step) % n, step) for user in range(90) for step in range(6)]
    user, item, time = (list(column) for column in zip(*steps, strict=True))
    data = sl.from_frames(pl.DataFrame({"user_id": user, "item_id": item, "timestamp": time}))
    split = sl.split.leave_last_out(data)
    for spec, least in ((SequentialRules(), 0.99), (sl.ItemKNN(), 0.0)):
        found = sl.evaluate(spec.fit(split), split, part="validation", ks=(1,), metrics=("recall",)).figures()
        assert found["overall.recall@1"] >= least
    assert found["overall.recall@1"] < 0.9, "who touched both does not say which one came first"


def test_only_the_strongest_successors_are_kept(split):
    every, few = (replace(PLAIN, neighbours=k).fit(split).scorer.part.weights for k in (200, 4))
    assert every.getnnz(axis=1).max() > 4
    for row in range(split.data.n_items):
        kept = np.sort(few[row].toarray()[0])[::-1]
        np.testing.assert_array_equal(kept[:4], np.sort(every[row].toarray()[0])[::-1][:4])
        assert not kept[4:].any()


def test_distances_beyond_the_window_do_not_count():
    lists = Histories.of_lists([[0, 1, 2, 3], [2, 0]], n_items=5)
    near = successions(lists, 1).toarray()
    assert near[0, 1] == near[1, 2] == near[2, 3] == near[2, 0] == 1
    assert near.sum() == 4
    assert successions(lists, 9)[0, 3] == pytest.approx(1 / 3)
    assert successions(Histories.of_lists([[1]], n_items=3), 9).nnz == 0


def test_without_an_order_there_is_nothing_to_learn():
    split = sl.split.random_per_user(without_order(make_synthetic(30, 20, 200, seed=1).data))
    with pytest.raises(DataError, match="expected events in a known order; found none"):
        SequentialRules().fit(split)


def test_the_default_knows_the_order_where_there_is_one(split):
    parts = [type(part).__name__ for part in sl.automatic(split, sentences=False).components]
    assert "SequentialRules" in parts
    unordered = replace(split, data=without_order(split.data))
    parts = [type(part).__name__ for part in sl.automatic(unordered, sentences=False).components]
    assert "SequentialRules" not in parts
