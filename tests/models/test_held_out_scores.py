"""Evidence that is held out where validation is thin."""

from __future__ import annotations

import numpy as np
import pytest

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.models.held_out_scores import folds_of


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
