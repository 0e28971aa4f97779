"""Interactions as a matrix and as pairs, against loops."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from sidelight.data.interactions import Interactions

EVENTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=20
).map(sorted)


def log_of(events: list[tuple[int, int, int]]) -> Interactions:
    user, item, weight = (np.array(column) for column in zip(*events, strict=True))
    return Interactions(user.astype(np.int32), item.astype(np.int32), weight.astype(np.float32))


@given(EVENTS, st.data())
def test_matrices_count_pairs_and_add_weights(
    events: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    log = log_of(events)
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(events) - 1)))), dtype=np.int64)
    want = np.zeros((4, 5), dtype=np.float32)
    for at in rows:
        want[events[at][0], events[at][1]] += events[at][2]
    assert (log.matrix((4, 5), rows, weighted=True).toarray() == want).all()
    binary = log.matrix((4, 5), rows)
    assert (binary.toarray() == (want > 0)).all() and binary.has_sorted_indices
    assert (log.histories((4, 5), rows).matrix() != binary).nnz == 0


@given(EVENTS)
def test_among_keeps_the_events_of_the_given_pairs(events: list[tuple[int, int, int]]) -> None:
    pairs = sp.csr_matrix(np.eye(4, 5, dtype=np.float32))
    found = log_of(events).among(np.arange(len(events)), pairs)
    assert found.tolist() == [at for at, (user, item, _) in enumerate(events) if user == item]


def test_time_orders_before_position() -> None:
    log = log_of([(0, 0, 1)])
    time, position = np.array([5]), np.array([0])
    assert log.order is None
    assert Interactions(log.user, log.item, log.weight, None, position).order is position
    assert Interactions(log.user, log.item, log.weight, time, position).order is time
