"""Audience of items against full lists, user by user and in blocks of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.cases import Told

from sidelight.data.histories import Histories
from sidelight.models.audience_ranks import audience_frame, audience_places
from sidelight.models.similarity_scorers import DenseSimilarityScorer

N = 8
RNG = np.random.default_rng(2)
SCORER: Any = DenseSimilarityScorer(RNG.integers(-2, 3, (N, N)).astype(np.float32), np.arange(N), N)
LISTS = [[0, 3], [], [7], [2, 5, 6], list(range(N)), [1, 4]]
HISTORIES = Histories.of_lists(LISTS, N)
CELL = st.tuples(st.integers(1, 4), st.sampled_from([-1.0, 0.0, 0.5, 2.0]))  # a place and a score
WANTED = np.array([5, 0, 7])


@pytest.mark.parametrize("cells", [1, N, 3 * N + 1, 10**6])
def test_ranks_and_scores_are_those_of_each_users_list(cells: int) -> None:
    places, values = audience_places(SCORER, HISTORIES, WANTED, cells)
    assert places.shape == values.shape == (len(WANTED), len(LISTS))
    for user, history in enumerate(LISTS):
        scores = SCORER.score(HISTORIES[user : user + 1])[0]
        for at, item in enumerate(WANTED):
            better = [i for i in range(N) if i not in history and scores[i] > scores[item]]
            assert places[at, user] == 1 + len(better)
            assert values[at, user] == (0 if item in history else scores[item])


def test_each_block_is_scored_for_its_own_users() -> None:
    scorer: Any = Told()
    audience_places(scorer, HISTORIES, WANTED, 4 * N)
    assert scorer.told == [([0, 1, 2, 3], {}), ([4, 5], {})]


@given(cells=st.lists(CELL, min_size=5, max_size=5), k=st.integers(1, 6))
def test_the_frame_holds_the_best_places_with_a_score_above_0(cells: list[tuple[int, float]], k: int) -> None:
    place, value = (np.array(each) for each in zip(*cells, strict=True))
    users = [f"u{n}" for n in range(5)]
    found = audience_frame(np.array(["i1"]), np.array(users), place[None], value[None].astype(np.float32), k)
    reached = [n for n in range(5) if value[n] > 0]
    best = sorted(reached, key=lambda n: (place[n], -value[n], n))[:k]
    assert found["user_id"].to_list() == [users[n] for n in best]
    assert found["place"].to_list() == place[best].tolist()
    assert found["score"].to_list() == value[best].tolist()
    assert found["rank"].to_list() == list(range(1, len(best) + 1))
    assert set(found["reached"]) <= {sum(place[n] <= k for n in reached)} and set(found["users"]) <= {5}


def test_an_item_for_no_user_has_no_row_among_others() -> None:
    places, values = np.array([[1, 2], [1, 1]]), np.array([[0.0, -1.0], [0.5, 0.25]], dtype=np.float32)
    found = audience_frame(np.array([7, 9]), np.array(["a", "b"]), places, values, 3)
    assert found.rows() == [(9, "a", 1, 0.5, 1, 2, 2), (9, "b", 1, 0.25, 2, 2, 2)]
    none = audience_frame(np.array([7]), np.array(["a", "b"]), places[:1], values[:1], 3)
    assert none.height == 0 and none.schema == found.schema
