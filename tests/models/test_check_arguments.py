"""Arguments of a recommender: one id or many, histories, context, and what is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import sidelight as sl
from sidelight.data.histories import Histories
from sidelight.errors import SpecError
from sidelight.models.check_arguments import (
    UnknownHistoryWarning,
    check_context,
    histories_of,
    ids_of,
    known_histories,
    need_split,
)
from sidelight.models.items import Items


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("i1", ["i1"]),
        (7, [7]),
        (np.int64(7), [7]),
        (("i1", "i2"), ["i1", "i2"]),
        (iter(["i1"]), ["i1"]),
        (np.array([3, 1]), [3, 1]),
        (pl.Series(["a", None]), ["a", None]),
    ],
)
def test_one_id_and_lists_of_ids(given: Any, found: list[Any]) -> None:
    assert ids_of(given, "users") == found


def test_gaps_of_a_column_keep_their_row() -> None:
    found = ids_of(pd.Series([1.0, np.nan]), "users")
    assert found[0] == 1 and np.isnan(found[1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            pl.DataFrame({"u": ["a"]}),
            r"users as a list of ids; found a table \(DataFrame\); write users=table",
        ),
        (pd.DataFrame({"u": ["a"]}), r"found a table \(DataFrame\)"),
        ({"a": 1}, "users as a list of ids; found {'a': 1}"),
        (b"a", "users as a list of ids; found b'a'"),
        (1.5, "users as a list of ids; found 1.5"),
        (np.array([["a"]]), "users as a list of ids"),
        ([], "at least one id as users; found an empty list"),
        (["a", None], "id as text or number; found None; in users, place 2 of 2; leave out what is missing"),
        ([float("nan")], "found nan; in users, place 1 of 1; leave out what is missing"),
        (["a", ["b"]], r"found \['b'\]; in users, place 2 of 2$"),
    ],
)
def test_what_is_no_list_of_ids_is_refused(given: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message) as error:
        ids_of(given, "users")
    assert "\n" not in str(error.value)


def test_histories_may_be_empty() -> None:
    assert histories_of([["a", "b"], [], np.array([1])]) == [["a", "b"], [], [1]]
    assert histories_of([]) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("i1", "histories as a list of lists of ids; found 'i1'; in recommend; write histories="),
        (["i1", "i2"], "histories as a list of lists of ids; found 'i1'"),
        ([["i1"], 3], "histories as a list of lists of ids; found 3"),
        (5, r"found 5; in recommend; write k=5, or histories=\[\["),
        ({"a": ["i1"]}, "histories as a list of lists of ids"),
        (pl.DataFrame({"a": ["i1"]}), "histories as a list of lists of ids"),
        ([["i1", None]], "found None; in a history, place 2 of 2"),
    ],
)
def test_what_is_no_list_of_histories_is_refused(given: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        histories_of(given)


def test_items_that_are_not_in_the_catalogue_are_left_out_with_a_warning() -> None:
    ids = np.array(["a", "b", "c"])
    items = Items(ids, pl.DataFrame({"item_id": ids}), np.ones(3, dtype=np.float32))
    found = known_histories(items, [["c", "a"], []])
    assert isinstance(found, Histories) and [found.row(at).tolist() for at in (0, 1)] == [[2, 0], []]
    with pytest.warns(UnknownHistoryWarning, match="2 of 3 history items are not in .*, e.g. 'x'"):
        found = known_histories(items, [["x", "b"], ["y"]])
    assert [found.row(at).tolist() for at in (0, 1)] == [[1], []]


def test_context_that_a_model_knows_is_taken() -> None:
    for given in (None, {}, {"hour": 7}, pl.DataFrame({"hour": [7, 8]})):
        check_context(given, ("hour", "device"), 2)


@pytest.mark.parametrize(
    ("given", "known", "message"),
    [
        ("phone", ("device",), "context by column; found 'phone'; in context; write context="),
        ([7], ("hour",), "context by column"),
        (pl.DataFrame({"hour": [7]}), ("hour",), "2 rows of context; found 1"),
        ({"huor": 7}, ("hour",), "a column of context of this model; found 'huor'; .* did you mean 'hour'"),
        (pl.DataFrame({"x": [7, 8]}), ("hour",), "found 'x'"),
        ({"hour": 7}, (), r"found 'hour'; in context; fit with context=\(...\), or leave it out"),
    ],
)
def test_context_that_a_model_cannot_read_is_refused(
    given: Any, known: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        check_context(given, known, 2)


def test_a_model_is_fitted_on_a_split_alone(split: sl.Split) -> None:
    assert need_split(split, sl.EASE()) is split
    for given, name in ((split.data, "Dataset"), (None, "NoneType")):
        with pytest.raises(SpecError, match=f"expected a Split; found a {name}; in EASE.fit; make one"):
            need_split(given, sl.EASE())
