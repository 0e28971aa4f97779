"""Parts that scorers are written with: histories as matrices, and the refusals of simple scorers."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from made_markov import AfterLast
from models.cases import Told

from sidelight.models import scorer as parts
from sidelight.models.scorer import ContextAware, HistoryOnly, InteractionsOnly

N = 6
HISTORY = st.lists(st.integers(0, N - 1), unique=True).map(lambda items: np.array(items, dtype=np.int64))
PLAIN: Any = AfterLast(np.arange(N))


@given(history=HISTORY)
def test_histories_are_binary_rows(history: np.ndarray) -> None:
    one = parts.one_history(history, N)
    assert one.dtype == np.float32 and one.toarray().tolist() == [[float(i in history) for i in range(N)]]
    singles = parts.single_items(history, N)
    np.testing.assert_array_equal(singles.toarray(), np.eye(N)[history].reshape(-1, N))


@given(history=HISTORY)
def test_blocks_are_the_history_without_each_of_its_items(history: np.ndarray) -> None:
    blocks = parts.column_blocks(history, N)
    rows = [set(history), *(set(history) - {item} for item in history)]
    assert [set(row.indices) for row in blocks] == rows and set(blocks.data) <= {1.0}


@given(history=HISTORY, seed=st.integers(0, 99))
def test_a_sum_of_weights_is_scored_without_each_item(history: np.ndarray, seed: int) -> None:
    weights = np.random.default_rng(seed).standard_normal((N, 3))
    found = parts.additive(weights[history].astype(np.float32))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, parts.column_blocks(history, N) @ weights, atol=1e-5)


def test_scorers_without_content_refuse_it() -> None:
    made = InteractionsOnly()
    rows: Any = None
    assert made.top_terms(np.array([0]), np.array([1, 2]), 5) == [[], []]
    assert made.revised(rows, np.array([1])) is made is made.with_spaces(lambda space: space)
    assert not made.supports_cold_items and parts.spaces_of(PLAIN) == []


def test_scorers_of_the_history_alone_give_no_score_without_it() -> None:
    found = HistoryOnly().user_independent_scores(np.array([3, 0]), np.array([[1, 2, 4], [0, 1, 2]]))
    assert found.dtype == np.float32 and found.tolist() == [[0.0] * 3] * 2


def test_context_reaches_a_scorer_that_knows_it() -> None:
    users = np.array([3, -1])
    assert isinstance(Told(), ContextAware) and not isinstance(PLAIN, ContextAware)
    told: Any = Told()
    assert parts.with_context(told, users, {"hour": 7}) is told is parts.with_context(told, users)
    assert told.told == [([3, -1], {"hour": 7}), ([3, -1], {})]
    assert told.stored and not parts.without_users(told).stored
    assert parts.with_context(PLAIN, users, {"hour": 7}) is PLAIN is parts.without_users(PLAIN)


def test_spaces_of_all_parts_are_found() -> None:
    class Two(InteractionsOnly):
        def with_spaces(self, change: Any) -> Any:
            return [change("first"), change("second")]

    both: Any = Two()
    assert parts.spaces_of(both) == ["first", "second"]


def test_an_empty_history_is_an_empty_row() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    for made in (parts.one_history(nothing, N), parts.column_blocks(nothing, N)):
        assert made.shape == (1, N) and made.nnz == 0
    assert parts.additive(np.zeros((0, 2))).tolist() == [[0.0, 0.0]]
    assert sp.issparse(parts.single_items(nothing, N)) and parts.single_items(nothing, N).shape == (0, N)
