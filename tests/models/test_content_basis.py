"""Content as short dense rows."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from models.cases import _space

import sidelight as sl
from sidelight.models.content_basis import ContentBasis


@pytest.fixture
def space(split):
    return _space(split, sl.Text("title", min_df=1), sl.Vector("vector"), weights=(1.0, 2.0))


def test_narrow_content_is_taken_as_it_is(space):
    basis = ContentBasis.fit(space, 256)
    wide = np.hstack([b.toarray() if sp.issparse(b) else b for b in space.blocks()])
    assert basis.dim == space.dim
    np.testing.assert_array_equal(basis.rows(), wide)
    np.testing.assert_array_equal(basis.rows(np.array([3, 1])), wide[[3, 1]])


def test_wide_sparse_content_is_projected_on_its_leading_directions(space, split):
    basis = ContentBasis.fit(space, 3)
    assert basis.axes[0].shape == (space.features[0].dim, 3)
    assert basis.rows().shape == (split.data.n_items, basis.dim)
    values = space.features[0].values.toarray()
    _, _, right = np.linalg.svd(values, full_matrices=False)
    best = values @ right[:3].T @ right[:3]
    np.testing.assert_allclose(basis.rows()[:, :3] @ basis.axes[0].T, best, atol=1e-3)
    assert len(basis.axes[1]) == 0  # vectors are dense


@pytest.mark.parametrize("size", [256, 3])
def test_words_carry_the_sparse_part_of_a_product(space, size):
    basis = ContentBasis.fit(space, size)
    rng = np.random.default_rng(0)
    profile, items = rng.normal(size=basis.dim).astype(np.float32), np.array([2, 5])
    scale = np.array([0.5, 2.0], dtype=np.float32)
    width = basis.dim - space.features[1].dim
    # A profile over axes says as much about each word as its projection does.
    words = basis.axes[0] @ profile[:width] if len(basis.axes[0]) else profile[:width]
    for at, found in enumerate(basis.top_terms(profile, items, scale, 100)):
        exact = scale[at] * words * space.features[0].values[[items[at]]].toarray()[0]
        assert sum(value for _, value in found) == pytest.approx(exact[exact > 0].sum(), rel=1e-4)
