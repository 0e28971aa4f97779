"""Weights by length of history."""

from __future__ import annotations

import numpy as np

from sidelight.models.blend_candidates import BlendCandidates
from sidelight.models.blend_weights import KNOTS, averaged_weights, evened, knot_weights, side_weights


def made_pool(values, relevant):
    n, width = relevant.shape
    items = np.tile(np.arange(width, dtype=np.int32), (n, 1))
    counts = np.array([np.zeros(n), np.ones(n), np.ones(n)])
    warm, everybody = np.ones((n, width), dtype=int), np.ones(n, dtype=bool)
    return BlendCandidates(np.stack(values).astype(np.float32), items, relevant, warm, counts, everybody)


def hits(n, width, seed):
    rng = np.random.default_rng(seed)
    relevant = np.zeros((n, width), dtype=np.float32)
    relevant[np.arange(n), rng.integers(width, size=n)] = 1
    return relevant, rng.random((2, n, width))


def test_short_histories_lean_on_what_holds_for_them():
    """A component that is wrong for one known event and right for many is trusted accordingly."""
    n = 200
    relevant, (noise, _) = hits(n, 40, seed=1)
    right = relevant + 0.5 * noise

    def pool(good):
        return made_pool((right, noise) if good == 0 else (noise, right), relevant)

    start = np.array([[0.0, 0.0], [0.5, 0.5]])
    found, users = knot_weights([pool(0), None, None, pool(1)], start, np.array([False, False]), 10)
    assert users[1] == users[4] == n and users[2] == 0
    assert found[1, 1, 0] > 2 * found[1, 1, 1]
    assert found[4, 1, 1] > 2 * found[4, 1, 0]
    np.testing.assert_array_equal(found[2], start)
    assert len(found) == len(KNOTS)


def test_groups_share_what_they_disagree_about():
    """Half of the users want the first component, half the second; noise is wanted by nobody."""
    relevant, (noise, other) = hits(240, 40, seed=2)
    first, second = noise.copy(), other.copy()
    first[:120] += relevant[:120]
    second[120:] += relevant[120:]
    unwanted = np.random.default_rng(3).random(noise.shape)
    slate = made_pool([first, second, unwanted], relevant).slate("warm", 10)
    prior = np.array([1.0, 0.5, 0.5])
    weights, gain = averaged_weights(slate, prior, np.ones(3, dtype=bool), ("a", "b", "c"))
    assert gain > 0
    assert np.isclose(weights.sum(), prior.sum())
    assert weights[2] < 0.25 * min(weights[:2])


def test_too_few_users_for_groups_choose_together():
    relevant, (noise, other) = hits(40, 30, seed=4)
    slate = made_pool([relevant + noise, other], relevant).slate("warm", 10)
    prior = np.array([0.5, 0.5])
    weights, gain = averaged_weights(slate, prior, np.ones(2, dtype=bool), ("a", "b"))
    assert weights[0] > weights[1]
    assert gain > 0


def test_evidence_that_may_mislead_leaves_more_to_the_second_best():
    weights, knots = np.array([4.0, 1.0, 0.0]), np.array([[4.0, 1.0, 0.0], [2.0, 1.0, 0.0]])
    even, moved = evened(weights, knots)
    assert even[0] / even[1] == 2.0
    assert even.sum() == weights.sum()
    assert even[2] == 0.0
    np.testing.assert_allclose(moved / np.where(even > 0, even, 1), knots / np.where(weights > 0, weights, 1))
    np.testing.assert_array_equal(evened(np.zeros(3), knots)[0], np.zeros(3))


def test_representative_evidence_is_followed_to_its_end():
    relevant, (noise, other) = hits(240, 40, seed=5)
    pool = made_pool([relevant + 0.8 * noise, 0.3 * relevant + other], relevant)
    prior, scale = np.array([[0.0, 0.0], [0.5, 0.5]]), np.ones((2, 2))
    sure, users, _ = side_weights(pool, prior, scale, ("a", "b"), 10)
    again, _, _ = side_weights(pool, prior, scale, ("a", "b"), 10, representative=False)
    assert users == [0, 240]
    assert sure[1, 1] / sure[1, 0] <= again[1, 1] / again[1, 0]
