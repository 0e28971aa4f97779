"""Alternating least squares against the normal equations."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sidelight.models.als import solve


def test_als_solves_the_normal_equations():
    rng = np.random.default_rng(5)
    rows = sp.csr_matrix((rng.random((6, 20)) < 0.3).astype(np.float32))
    fixed = rng.standard_normal((20, 4)).astype(np.float32)
    got = solve(rows, fixed, 0.1, 0.05, 0.5)
    for user in range(6):
        touched = rows[user].toarray()[0] > 0
        weight = (touched.sum() + 0.1 * (~touched).sum()) ** 0.5
        normal = fixed[touched].T @ fixed[touched] + 0.1 * fixed.T @ fixed + 0.05 * weight * np.eye(4)
        expected = np.linalg.solve(normal, fixed[touched].sum(axis=0))
        np.testing.assert_allclose(got[user], expected, rtol=1e-3, atol=1e-4)
