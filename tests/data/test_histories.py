"""Histories keep the order of events; what is made of them agrees with plain lists."""

from __future__ import annotations

import doctest

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sidelight as sl
from sidelight.data import histories as module
from sidelight.data.histories import Histories, histories_of, matrix_of

N = 9
LISTS = st.lists(st.lists(st.integers(0, N - 1), max_size=12), max_size=6)


def last_places(items: list[int]) -> list[int]:
    """Distinct items, each where it stands last."""
    return [item for at, item in enumerate(items) if item not in items[at + 1 :]]


def rows(found: Histories) -> list[list[int]]:
    return [found.row(at).tolist() for at in range(len(found))]


@given(LISTS)
def test_rows_are_the_lists_with_each_item_where_it_stands_last(lists: list[list[int]]) -> None:
    found, wanted = Histories.of_lists(lists, N), [last_places(each) for each in lists]
    assert rows(found) == wanted and found.shape == (len(lists), N)
    assert found.lengths.tolist() == [len(each) for each in wanted]
    assert found.counts.tolist() == [sum(item in each for each in wanted) for item in range(N)]
    dense = found.matrix().toarray()
    assert dense.tolist() == [[float(item in each) for item in range(N)] for each in wanted]
    assert rows(Histories.of_matrix(found.matrix())) == [sorted(each) for each in wanted]
    assert not Histories.of_matrix(found.matrix()).ordered
    if lists:
        assert rows(Histories.of_distinct([np.array(each, dtype=np.int64) for each in wanted], N)) == wanted
    assert rows(found.widened(N + 2)) == wanted and found.widened(N + 2).n_items == N + 2


@given(LISTS, st.data())
def test_selected_rows_are_those_of_a_list(lists: list[list[int]], data: st.DataObject) -> None:
    found, wanted = Histories.of_lists(lists, N), [last_places(each) for each in lists]
    low, high = data.draw(st.tuples(st.integers(-8, 8), st.integers(-8, 8)))
    assert rows(found[low:high]) == wanted[low:high]
    assert rows(found[::2]) == wanted[::2]
    picked = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=8)) if lists else []
    assert rows(found[np.array(picked, dtype=np.int64)]) == [wanted[at] for at in picked]
    asked = [*picked, -1, *picked]
    assert rows(found.known(np.array(asked))) == [wanted[at] if at >= 0 else [] for at in asked]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(lists), max_size=len(lists))), dtype=bool)
    assert rows(found[mask]) == [each for each, kept in zip(wanted, mask, strict=True) if kept]


@given(LISTS, st.integers(0, 5))
def test_the_newest_events_are_at_the_end(lists: list[list[int]], n: int) -> None:
    found = Histories.of_lists(lists, N)
    assert rows(found.last(n)) == [each[len(each) - n if len(each) > n else 0 :] for each in rows(found)]


@given(LISTS)
def test_padding_stands_behind(lists: list[list[int]]) -> None:
    found = Histories.of_lists(lists, N)
    wide = max([1, *found.lengths.tolist()])
    assert found.padded().tolist() == [each + [-1] * (wide - len(each)) for each in rows(found)]


def test_a_matrix_is_taken_as_it_is_and_has_no_order() -> None:
    found = Histories.of_lists([[4, 1]], N)
    assert matrix_of(found) is found.matrix() and matrix_of(found.matrix()) is found.matrix()
    assert histories_of(found) is found and rows(histories_of(found.matrix())) == [[1, 4]]


@pytest.mark.parametrize("timed", [True, False])
def test_a_split_gives_histories_in_the_order_of_events(timed: bool) -> None:
    """Ids descend as time goes on; without times nothing says what came first."""
    order = [7, 5, 6, 2, 3, 1, 4, 0]
    frame = pl.DataFrame({"user_id": ["u"] * 8, "item_id": [f"i{n}" for n in order], "timestamp": range(8)})
    data = sl.from_frames(frame if timed else frame.drop("timestamp"))
    split = sl.split.leave_last_out(data) if timed else sl.split.random_per_user(data)
    known = split.histories("test")
    assert known.ordered is timed and split.histories().ordered is timed
    if timed:
        assert known.row(0).tolist() == order[:7] and split.histories().row(0).tolist() == order[:6]
    else:
        assert (np.diff(known.row(0)) > 0).all()


def test_the_example() -> None:
    assert doctest.testmod(module).failed == 0


def test_decayed_rows_weigh_each_event_by_its_steps_from_the_newest() -> None:
    both = Histories.of_lists([[3, 0, 2], [1]], n_items=4)
    expected = [[0.5, 0.0, 1.0, 0.25], [0.0, 1.0, 0.0, 0.0]]
    assert both.decayed(0.5).toarray().tolist() == expected
    assert both.decayed(0.5) is both.decayed(0.5)  # made once for all parts of a blend
    assert both.decayed(1.0) is both.matrix()
    assert (
        Histories.of_matrix(both.matrix()).decayed(0.5).toarray().tolist() == both.matrix().toarray().tolist()
    )
