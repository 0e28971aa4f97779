"""Weights by length of history."""

from __future__ import annotations

import numpy as np

from sidelight.models.blend_candidates import BlendCandidates
from sidelight.models.blend_weights import KNOTS, knot_weights


def test_short_histories_lean_on_what_holds_for_them():
    """A component that is wrong for one known event and right for many is trusted accordingly."""
    rng = np.random.default_rng(1)
    n, width = 200, 40
    relevant = np.zeros((n, width), dtype=bool)
    relevant[np.arange(n), rng.integers(width, size=n)] = True
    noise = rng.random((n, width)).astype(np.float32)
    right = relevant + 0.5 * noise
    counts = np.array([np.zeros(n), np.ones(n), np.ones(n)])
    items = np.tile(np.arange(width, dtype=np.int32), (n, 1))

    def pool(good):
        first, second = (right, noise) if good == 0 else (noise, right)
        values = np.stack([first, second]).astype(np.float32)
        return BlendCandidates(
            values, items, relevant, np.ones((n, width), dtype=int), counts, np.ones(n, dtype=bool)
        )

    start = np.array([[0.0, 0.0], [0.5, 0.5]])
    found, users = knot_weights([pool(0), None, None, pool(1)], start, np.array([False, False]), 10)
    assert users[1] == users[4] == n and users[2] == 0
    assert found[1, 1, 0] > 2 * found[1, 1, 1]
    assert found[4, 1, 1] > 2 * found[4, 1, 0]
    np.testing.assert_array_equal(found[2], start)
    assert len(found) == len(KNOTS)
