"""Content spaces: gaps and centres."""

from __future__ import annotations

import numpy as np
import polars as pl

import sidelight as sl
from sidelight.models.content_space import ContentSpace


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
