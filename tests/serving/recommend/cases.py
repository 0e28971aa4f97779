"""Cases that several test files of this folder share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

ITEMS = [f"i{n:02d}" for n in range(1, 81)]


def shown(answer):
    return [one.item_id for one in answer.items]


def same(answer, frame):
    """The list of an answer equals one of `Recommender.recommend`, up to rounding of float sums."""
    ids, scores = frame["item_id"].to_list(), frame["score"].to_numpy()
    found = np.array([one.score for one in answer.items])
    assert len(found) == len(scores)
    np.testing.assert_allclose(found, scores, rtol=2e-4, atol=1e-6)
    assert [one.source for one in answer.items] == frame["source"].to_list()
    assert [one.rank for one in answer.items] == frame["rank"].to_list()
    for at, (mine, theirs) in enumerate(zip(shown(answer), ids, strict=True)):
        if mine != theirs:  # only items that rounding put level may have changed places
            where = ids.index(mine) if mine in ids else len(ids) - 1
            assert scores[where] == pytest.approx(scores[at], rel=2e-4, abs=1e-6)


people = st.sampled_from([*(f"u{n:02d}" for n in range(1, 61)), "nobody"])


histories = st.lists(st.sampled_from([*ITEMS, "gone", "lost"]), max_size=12)
