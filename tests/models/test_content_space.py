"""Content spaces: gaps and centres."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from models.cases import TITLE

import sidelight as sl
from sidelight.data.synthetic import make_synthetic
from sidelight.models.content_space import ContentSpace
from sidelight.models.hybrid_similarity import HybridSimilarity


def test_similarity_looks_only_at_modalities_that_both_items_have():
    items = pl.DataFrame({"a": ["red", "red", None, "blue"], "b": ["x", "y", "x", "x"]})
    items = items.with_columns(item_id=pl.arange(pl.len()))
    data = sl.from_frames({"user_id": [0], "item_id": [0]}, items, schema=None)
    space = ContentSpace.fit((sl.Categories("a"), sl.Categories("b")), data, weights=(1.0, 3.0))
    got = space.similarity(np.arange(4))
    expected = np.array(
        [[1, 0.25, 1, 0.75], [0.25, 1, 0, 0], [1, 0, 1, 1], [0.75, 0, 1, 1]]
    )  # item 2 has no a: it is compared by b alone
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_the_centre_is_the_mean_of_what_is_there():
    vectors = [[3.0, 1.0], None, [1.0, 1.0], None, [2.0, 4.0]]
    items = pl.DataFrame({"item_id": range(5), "vector": pl.Series(vectors, dtype=pl.List(pl.Float32))})
    data = sl.from_frames({"user_id": [0], "item_id": [0]}, items, schema=None)
    space = ContentSpace.fit((sl.Vector("vector"),), data, weights=(4.0,))
    np.testing.assert_allclose(space.centres[0], [2.0, 2.0], atol=1e-6)  # with zeros for gaps: 1.2, 1.2
    apart = np.array([[1, -1], [0, 0], [-1, -1], [0, 0], [0, 2]], dtype=float)
    expected = 2 * apart / np.maximum(np.linalg.norm(apart, axis=1), 1e-9)[:, None]
    np.testing.assert_allclose(space.features[0].values, expected, atol=1e-6)
    # An item without a vector is like no other, and a new one is placed around the same centre.
    assert (space.similarity(np.array([1]))[0] == 0).all()
    grown = space.with_items(pl.DataFrame({"vector": [[5.0, 2.0]]}))
    np.testing.assert_allclose(grown.features[0].values[-1], [2.0, 0.0], atol=1e-6)


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


def test_links_are_added_to_the_mean_of_the_other_modalities():
    items = pl.DataFrame(
        {"item_id": ["a", "b", "c", "d"], "title": ["red shoe", "tea pot", "red tea", "shoe"]}
    )
    cites = pl.Series("cites", [["b"], [], [], []], dtype=pl.List(pl.String))
    data = sl.from_frames({"user_id": ["u"], "item_id": ["a"]}, items.with_columns(cites))
    assert data.schema.find("items", "cites").role == "links"
    words, links, rows = sl.Text("title", min_df=1), sl.Links("cites"), np.arange(4)
    plain, both = ContentSpace.fit((words,), data), ContentSpace.fit((words, links), data, weights=(1, 0.5))
    alone = ContentSpace.fit((links,), data).similarity(rows, rows)
    assert alone[0, 1] > 0 and not alone[2].any()
    expected = plain.similarity(rows, rows) + 0.5 * alone
    np.testing.assert_allclose(both.similarity(rows, rows), expected, atol=1e-6)
    joined = HybridSimilarity(np.ones(4, np.float32), 3.0, 2.0)
    np.testing.assert_allclose(joined.base(both, rows, rows), joined.base(plain, rows, rows))
