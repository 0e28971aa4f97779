"""Components of a blend: fitted once, in any order."""

from __future__ import annotations

import numpy as np
import pytest

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.models import weight_prior
from sidelight.models.components import Components, SharedParts


@pytest.fixture(scope="module")
def split():
    data = make_synthetic(n_users=300, n_items=400, n_events=6000, seed=3).data
    return sl.split.cold_items(data, share=0.2, seed=1)


def test_what_one_blend_fitted_another_need_not_fit_again(split, parts):
    fitted = {}
    first = sl.Blend(parts).fit(split, fitted=fitted)
    known = dict(fitted)
    again = sl.Blend((parts[2], parts[0])).fit(split, fitted=fitted)
    assert len(fitted) == len(known)
    plain = sl.Blend((parts[2], parts[0])).fit(split)
    np.testing.assert_array_equal(again.score(split.histories()), plain.score(split.histories()))
    assert first.choices["prior"] == weight_prior.provenance()


def test_components_are_fitted_without_a_floor_of_their_own():
    parts = Components.of((sl.EASE(20.0), sl.Popular()))
    assert not any(getattr(spec, "floor", False) for spec in parts.specs)


def test_seconds_of_shared_parts_count_for_every_model_but_for_none_twice(split):
    parts = SharedParts()
    parts.begin()
    Components.of((sl.Popular(),), parts).scorers(split)
    Components.of((sl.Popular(),), parts).scorers(split)
    assert parts.spared() == 0, "its own fit is on its own clock"
    [took] = parts.seconds.values()
    parts.begin()
    Components.of((sl.ItemKNN(),), parts).scorers(split)
    assert parts.spared() == 0
    for _ in range(2):
        Components.of((sl.Popular(),), parts).scorers(split)
    assert parts.spared() == took > 0
