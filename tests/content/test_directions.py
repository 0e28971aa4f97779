"""Leading directions against the full decomposition."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sidelight.content.directions import leading_directions


def _rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(60, 4)) @ np.diag([9.0, 5.0, 3.0, 2.0]) @ rng.normal(size=(4, 30))
    return (parts + 0.01 * rng.normal(size=(60, 30))).astype(np.float32)


def test_directions_are_those_of_the_full_decomposition() -> None:
    rows = _rows()
    values, axes = leading_directions(rows, 3)
    _, expected, right = np.linalg.svd(rows, full_matrices=False)
    assert axes.shape == (30, 3) and axes.dtype == values.dtype == np.float32
    np.testing.assert_allclose(values, expected[:3], rtol=1e-4)
    np.testing.assert_allclose(np.abs((axes * right[:3].T).sum(axis=0)), 1.0, atol=1e-4)


def test_neither_order_nor_storage_of_the_rows_matters() -> None:
    rows = _rows()
    _, axes = leading_directions(rows, 3)
    for other in (rows[::-1], sp.csr_matrix(rows)):
        _, again = leading_directions(other, 3)
        np.testing.assert_allclose(np.abs((axes * again).sum(axis=0)), 1.0, atol=1e-4)


def test_no_more_directions_than_rows_or_columns() -> None:
    assert leading_directions(_rows()[:2], 9)[1].shape == (30, 2)
