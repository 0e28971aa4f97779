"""Popularity with a half-life."""

from __future__ import annotations

import numpy as np

import sidelight as sl


def test_popular_halves_with_the_half_life(_shop):
    split = sl.split.automatic(sl.read(_shop))
    log = split.data.interactions
    when, item = log.timestamp[split.train], log.item[split.train]
    expected = np.zeros(split.data.n_items)
    for t, i in zip(when, item, strict=True):
        expected[i] += 0.5 ** ((when.max() - t) / 86_400e6 / 10)
    got = sl.Popular(half_life=10).fit(split).score(split.histories()[:1])[0]
    np.testing.assert_allclose(got, expected, rtol=1e-5)
