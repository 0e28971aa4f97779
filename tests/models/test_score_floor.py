"""The popularity floor of single models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.models.blend_scorer import BlendScorer


@pytest.fixture(scope="module")
def split():
    data = make_synthetic(n_users=300, n_items=400, n_events=6000, seed=3).data
    return sl.split.cold_items(data, share=0.2, seed=1)


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
