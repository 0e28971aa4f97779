"""`Features` checks its mask, and normalises without overflow."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from sidelight.content.features import Features, exponent
from sidelight.errors import DataError


def test_a_mask_or_names_that_do_not_fit_and_nan_are_refused() -> None:
    values = np.ones((3, 2), dtype=np.float32)
    with pytest.raises(DataError, match="presence mask"):
        Features("x", values, np.ones(2, bool))
    with pytest.raises(DataError, match="2 column names"):
        Features("x", values, np.ones(3, bool), ("a",))
    with pytest.raises(DataError, match="finite"):
        Features("x", np.full((3, 2), np.nan, np.float32), np.ones(3, bool))


@pytest.mark.parametrize("scale", [1.0, 1e20, 1e-30])
def test_rows_have_unit_length_at_any_scale(scale: float) -> None:
    values = (np.array([[3, 4], [0, 0], [1, 0]]) * scale).astype(np.float32)
    unit = Features("x", values, np.array([1, 0, 1], bool)).normalised()
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6)
    if scale == 1:
        sparse = Features("x", sp.csr_matrix(values), np.array([1, 0, 1], bool)).normalised()
        np.testing.assert_allclose(sparse.toarray(), unit, rtol=1e-6)


def test_the_exponent_brings_the_peak_below_one() -> None:
    assert exponent(np.array([0.0, -6.0], np.float32)) == 3  # 6 / 8 is in [.5, 1)
    assert exponent(np.zeros(2, np.float32)) == 0
