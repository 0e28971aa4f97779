"""Evidence that is held out where validation is thin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_splits import without_order

import sidelight as sl
from sidelight.data.cold_demand import future_demand
from sidelight.data.synthetic import make_synthetic
from sidelight.models.components import Components
from sidelight.models.held_out_scores import Evidence, as_of, folds_of


@pytest.fixture(scope="module")
def split():
    data = make_synthetic(n_users=300, n_items=400, n_events=6000, seed=3).data
    return sl.split.cold_items(data, share=0.2, seed=1)


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


def test_a_random_draw_is_asked_for_as_the_future_would_be():
    split = sl.split.random_per_user(make_synthetic(n_users=150, n_items=200, n_events=6000, seed=5).data)
    split, log = split.blind(), split.data.interactions
    view = as_of(split)
    assert 0 < len(view.train) < len(split.train)
    for user in range(split.data.n_users):
        known, wanted = (rows[log.user[rows] == user] for rows in (view.train, view.validation))
        if not len(wanted):
            continue
        assert log.order[known].max(initial=-1) <= log.order[wanted].min()
        held = np.sort(log.order[split.validation[log.user[split.validation] == user]])
        assert log.order[wanted].min() == held[(len(held) - 1) // 2], "the middle one divides"
        every = log.order[split.train[log.user[split.train] == user]]
        assert len(known) == (every <= log.order[wanted].min()).sum(), "nothing earlier is lost"
    dropped = np.setdiff1d(split.train, view.train)
    assert view.excluded()[log.user[dropped], log.item[dropped]].all(), "later events get no rank"


def test_what_comes_last_or_has_no_order_is_asked_for_as_it_is():
    data = make_synthetic(n_users=100, n_items=80, n_events=2000, seed=6).data
    last = sl.split.leave_last_out(data).blind()
    assert as_of(last) is last
    unordered = sl.split.random_per_user(without_order(data)).blind()
    assert as_of(unordered) is unordered


def test_only_what_was_held_out_of_training_is_looked_at_in_time():
    """The validation of a random split is what its maker asks for."""
    data = make_synthetic(n_users=300, n_items=200, n_events=9000, seed=7).data
    spec = sl.Blend((sl.Popular(), sl.ItemKNN()))
    random = sl.split.random_per_user(data)
    given = Evidence.gather(spec, random, Components.of(spec.components), future_demand(random))
    assert given.views[0] is given.folds[0]
    bare = replace(random, validation=random.validation[:0])
    carved = Evidence.gather(spec, bare, Components.of(spec.components), future_demand(bare))
    assert len(carved.views[0].train) < len(carved.folds[0].train)
    assert carved.whole.n_relevant[2].sum() > 0
