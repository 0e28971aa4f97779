"""Models on one data set share its encoded content, and nothing outlives them."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
import pytest

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.models.content_space import ContentSpace

TITLE = sl.Text("title", min_df=1)


@pytest.fixture
def data() -> sl.Dataset:
    return make_synthetic(n_users=60, n_items=80, n_events=600, seed=4).data


@dataclass(frozen=True)
class Counted:
    """A content of one's own that counts its fits; as `seen` it cannot be hashed."""

    name: str = "counted"
    fits: list[int] = field(default_factory=list, hash=False, compare=False)
    odd: Any = None

    def fit_transform(self, items: Any, cache: Any = None, progress: Any = None) -> Any:
        self.fits.append(len(items))
        return TITLE.fit_transform(items, cache, progress)


def test_a_modality_is_encoded_once_while_a_space_holds_it(data):
    spec = Counted()
    first = ContentSpace.fit((spec,), data)
    second = ContentSpace.fit((TITLE, spec), data)
    assert spec.fits == [80]
    assert first.features[0] is second.features[1]
    del first, second
    gc.collect()
    ContentSpace.fit((spec,), data)
    assert spec.fits == [80, 80]


def test_another_weight_another_data_set_and_a_spec_without_a_hash_are_encoded_again(data):
    spec, odd = Counted(), Counted(odd=[])
    spaces = [ContentSpace.fit((spec,), data), ContentSpace.fit((spec,), data, (2.0,))]
    other = make_synthetic(n_users=60, n_items=80, n_events=600, seed=5).data
    spaces += [ContentSpace.fit((spec,), other)]
    assert spec.fits == [80, 80, 80]
    spaces += [ContentSpace.fit((odd,), data), ContentSpace.fit((odd,), data)]
    assert odd.fits == [80, 80]
    np.testing.assert_allclose(spaces[0].features[0].values.toarray(), spaces[3].features[0].values.toarray())


def test_a_data_set_at_the_place_of_one_that_is_gone_is_encoded_by_itself(data):
    """Tables are replaced in a loop, so that ids of data sets come back while older spaces are held."""
    held = []
    for at in range(20):
        changed = replace(data, items=data.items.with_columns(title=pl.lit(f"only word{at}")))
        held.append(ContentSpace.fit((TITLE,), changed))
        assert held[-1].features[0].names == ("only", f"word{at}")
        del changed
