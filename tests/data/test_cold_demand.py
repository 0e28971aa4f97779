"""Demand for new items, and weights of held-out events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import sidelight as sl
from sidelight.data.cold_demand import future_demand, future_weights
from sidelight.data.synthetic import make_synthetic
from sidelight.models.blend_candidates import BlendCandidates


@pytest.fixture(scope="module")
def untimed() -> sl.Split:
    """Nothing says what the future wants: no times, no validation rows."""
    made = make_synthetic(n_users=200, n_items=300, n_events=2000, seed=2).data
    log = made.interactions
    events = pl.DataFrame({"user_id": made.user_ids[log.user], "item_id": made.item_ids[log.item]})
    items = made.items.with_columns(item_id=pl.Series(made.item_ids))
    split = sl.split.random_per_user(sl.from_frames(events, items=items))
    return replace(split, validation=split.validation[:0])


def test_where_validation_speaks_every_event_is_worth_one():
    split = sl.split.random_per_user(make_synthetic(n_users=200, n_items=300, n_events=4000, seed=2).data)
    assert (future_weights(split, future_demand(split)) == 1).all()
    assert (future_weights(split, None) == 1).all()


def test_where_nothing_speaks_the_wanted_share_of_an_item_is_between_its_share_and_an_equal_one(untimed):
    demand = future_demand(untimed)
    assert not demand.measured
    count = np.bincount(untimed.data.interactions.item[untimed.train], minlength=untimed.data.n_items)
    share, touched = count / count.sum(), count > 0
    wanted = future_weights(untimed, demand) * share
    expected = (share + 1 / np.count_nonzero(untimed.candidates)) / 2
    np.testing.assert_allclose(wanted[touched], expected[touched], rtol=1e-5)


def test_a_pool_weighs_hits_by_what_they_are_worth(untimed):
    choosing = sl.split.selection_split(untimed)
    users = np.flatnonzero(choosing.truth().getnnz(axis=1))
    scorer = sl.Popular().fit(choosing).scorer
    buckets = np.where(choosing.cold, 0, 1)
    worth = np.full(choosing.data.n_items, 3, dtype=np.float32)
    plain, weighed = (
        BlendCandidates.build([scorer], choosing, users, 30, buckets, item_value=w) for w in (None, worth)
    )
    one, three = (p.slate("warm", 20) for p in (plain, weighed))
    assert one.ndcg(one.values[0]).mean() > 0
    np.testing.assert_allclose(three.ndcg(three.values[0]), 3 * one.ndcg(one.values[0]))
