"""Lists of a block: filled up with popular items, alike however the rows are grouped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidelight.data.histories import Histories
from sidelight.models.similarity_scorers import DenseSimilarityScorer
from sidelight.models.top_lists import SOURCES, ListRows, best_items, lists_frame, similar_lists, top_lists

N = 9
POPULAR = np.array([5, 1, 4, 1, 0, 9, 2, 6, 0], dtype=np.float32)
WEIGHTS = np.random.default_rng(1).standard_normal((N, N)).astype(np.float32)
SCORER = DenseSimilarityScorer(np.where(WEIGHTS > 0.3, WEIGHTS, 0), np.arange(N), N)
LISTS = [[0, 3], [], [8], [2, 5, 6], [1]]
KNOWN = np.array([True, True, False, True, True])


def made(rows: list[int], k: int, allowed: np.ndarray | None) -> list[list[tuple[int, float, str]]]:
    histories = Histories.of_lists([LISTS[row] for row in rows], N)
    block = ListRows(histories, KNOWN[rows], None, histories.matrix(), allowed)
    scores = SCORER.score(histories)
    lists = top_lists(SCORER, block, best_items(block, scores, k), scores, POPULAR)
    return [
        [(i, float(v), SOURCES[s]) for i, v, s in zip(*row, strict=True) if i >= 0]
        for row in zip(lists.items.tolist(), lists.values, lists.source, strict=True)
    ]


def slow(row: int, k: int, allowed: np.ndarray) -> list[tuple[int, float, str]]:
    """The documented order, item by item."""
    scores = SCORER.score(Histories.of_lists([LISTS[row]], N))[0]
    free = [i for i in range(N) if allowed[i] and i not in LISTS[row]]
    known = KNOWN[row] and LISTS[row]
    scored = [i for i in free if scores[i] > 0] if known else []
    scored.sort(key=lambda i: (-scores[i], i))
    why = "no-evidence" if known else "empty-history" if KNOWN[row] else "unknown-user"
    fillers = sorted((i for i in free if i not in scored), key=lambda i: (-POPULAR[i], i))
    first = [(i, float(scores[i]), "personal") for i in scored]
    return (first + [(i, 0.0, f"popular:{why}") for i in fillers])[:k]


@settings(max_examples=40)
@given(
    rows=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    k=st.integers(1, N),
    masks=st.lists(st.lists(st.booleans(), min_size=N, max_size=N), min_size=5, max_size=5),
)
def test_lists_equal_the_slow_order_for_any_candidates(rows, k, masks):
    allowed = np.array(masks)[: len(rows)]
    assert made(rows, k, allowed) == [slow(r, k, a) for r, a in zip(rows, allowed, strict=True)]
    assert made(rows, k, allowed[0]) == [slow(r, k, allowed[0]) for r in rows]
    assert made(rows, k, None) == [slow(r, k, np.ones(N, dtype=bool)) for r in rows]


def test_similar_items_leave_out_the_item_the_hidden_and_what_has_nothing_in_common():
    items, values = similar_lists(SCORER, np.array([0, 4]), N, np.array([7]))
    for item, near, value in zip((0, 4), items, values, strict=True):
        weights = np.where(WEIGHTS[item] > 0.3, WEIGHTS[item], 0)
        expected = [i for i in np.lexsort((np.arange(N), -weights)) if weights[i] > 0 and i not in (item, 7)]
        assert near[near >= 0].tolist() == expected
        assert np.isneginf(value[near < 0]).all() and value[near >= 0] == pytest.approx(weights[expected])


def test_no_rows_make_an_empty_table():
    frame = lists_frame([], np.array([], dtype=str), np.array(["a"]))
    assert frame.height == 0 and frame.columns == ["user_id", "item_id", "score", "rank", "source"]
