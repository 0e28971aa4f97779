"""Ids mean the same wherever they are read or looked up."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

import sidelight as sl
from sidelight.data.ids import index_of
from sidelight.data.read import read_raw
from sidelight.data.schema import ID_LENGTH
from sidelight.errors import DataError
from sidelight.models.recommender import Recommender
from sidelight.serving.snapshot import IdIndex

MISSING = [
    None,
    math.nan,
    np.float64("nan"),
    pd.NA,
    pd.NaT,
    np.datetime64("NaT"),
    "",
    "  ",
    "\0",
    "nan",
    "<NA>",
]


def numbers() -> Recommender:
    log = {"user_id": [1, 1, 2, 2, 10, 10], "item_id": [1, 2, 2, 10, 1, 10]}
    return sl.Popular().fit(sl.split.published(sl.from_frames(log), {**log, "split": ["train"] * 6}))


@pytest.mark.parametrize(
    "given", [10, 10.0, np.int8(10), np.float32(10), "10", " 10\0", "10.0", np.str_("10")]
)
def test_one_number_in_any_spelling_of_numbers(given):
    assert index_of(np.array([1, 2, 10]), [given]).tolist() == [2]
    assert index_of(np.array(["1", "10"]), [given]).tolist() == ([1] if given != "10.0" else [-1])


@pytest.mark.parametrize(
    "given",
    [
        "1_0",
        "010",
        "+10",
        "\uff11\uff10",
        "1e1",
        True,
        np.True_,
        10.5,
        math.inf,
        2**70,
        b"10",
        [10],
        *MISSING,
    ],
)
def test_what_is_no_spelling_of_an_id_is_unknown_at_every_door(given):
    model = numbers()
    known = np.array([1, 2, 10])
    assert index_of(known, [given]).tolist() == [-1]
    assert index_of(known.astype(str), [given]).tolist() == [-1]
    assert model.items.find([given]).tolist() == model.people.find([given]).tolist() == [-1]
    if isinstance(given, str):
        assert IdIndex.of(known).find(given) == IdIndex.of(known.astype(str)).find(given) == -1


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ([1, 999], [1, 999]),
        ([1.0, "999"], [1, 999]),
        (pd.Series([1, None]), [1, None]),
        ([True], [True]),
        (["1_0"], ["1_0"]),
        ([2, "new"], [2, "new"]),
    ],
)
def test_an_unknown_user_leaves_the_ids_of_the_others_as_the_table_has_them(asked, named):
    answer = numbers().recommend(users=asked, k=1)
    assert answer["user_id"].to_list() == named
    unknown = answer["source"] == "popular:unknown-user"
    assert unknown.to_list() == [name not in (1, 2, 10) or name is True for name in named]


def test_ids_of_text_stay_text_beside_an_unknown_number():
    log = {"user_id": ["a", "a", "b"], "item_id": ["x", "y", "y"]}
    split = sl.split.published(sl.from_frames(log), {**log, "split": ["train"] * 3})
    answer = sl.Popular().fit(split).recommend(users=["a", 7, " b "], k=1, filter_seen=False)
    assert answer["user_id"].to_list() == ["a", "7", "b"]


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("good", ["i1", 7])
def test_a_missing_id_is_set_aside_from_any_source(missing, good, tmp_path):
    columns = {"user_id": ["a", "b", "c"], "item_id": [missing, good, good]}
    shown = ["" if not isinstance(missing, str) else missing, good, good]
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id\n" + "".join(f'{u},"{i}"\n' for u, i in zip("abc", shown, strict=True)))
    frames = [columns, pd.DataFrame(columns), {k: np.array(v, dtype=object) for k, v in columns.items()}]
    for source in (*frames, path):
        with pytest.warns(sl.SidelightWarning, match="1 row was set aside"):
            data = sl.read(source) if source is path else sl.from_frames(source)
        assert data.item_ids.tolist() == [good] and data.n_users == 2


def test_outer_white_space_and_nul_are_no_part_of_an_id(tmp_path):
    for odd in ("x\0", " x", "x\0\0 ", "\u00a0x\t", "\u3000x"):
        data = sl.from_frames({"user_id": ["a", "b", "c"], "item_id": [odd, "x", "y"]})
        assert data.item_ids.tolist() == ["x", "y"]
        assert data.item_index([odd, "x"]).tolist() == [0, 0]
    (tmp_path / "e.csv").write_bytes(b"user_id,item_id\na,x\0\nb,x\n")
    assert [f.defect for f in read_raw(tmp_path / "e.csv").findings] == ["id-whitespace"]


@pytest.mark.parametrize("table", ["interactions", "items", "users"])
def test_a_long_id_is_set_aside_and_takes_no_room(table):
    key = "user_id" if table == "users" else "item_id"
    long, just = "a" * (ID_LENGTH + 1), "b" * ID_LENGTH
    frames = {
        "interactions": pl.DataFrame({"user_id": ["u", "v", "w"], "item_id": ["x", "y", "x"]}),
        "items": pl.DataFrame({"item_id": ["x", "y", "z"]}),
        "users": pl.DataFrame({"user_id": ["u", "v", "w"]}),
    }
    frames[table] = frames[table].with_columns(pl.Series(key, [long, *frames[table][key][1:]]))
    with pytest.warns(sl.SidelightWarning, match="long-id 1"):
        data = sl.from_frames(**frames)
    assert max(data.item_ids.itemsize, data.user_ids.itemsize) <= 4 * 2
    frames[table] = frames[table].with_columns(pl.Series(key, [just, *frames[table][key][1:]]))
    data = sl.from_frames(**frames)
    assert just in (data.user_ids if table == "users" else data.item_ids)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["n", None], "an id; found none"),
        (["n", " "], "an id; found ' '"),
        ([pd.NA, "n"], "an id; found none"),
        (["n" * (ID_LENGTH + 1)], "an id of at most 512 characters"),
        (["n", "n "], "repeated"),
        (["x\0"], "which exists"),
        ([True, False], "text or whole numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*white space")
def test_new_items_have_ids_by_the_same_rules(ids, said):
    log = {"user_id": ["a", "a", "b"], "item_id": ["x", "y", "y"]}
    model = sl.Popular().fit(sl.split.published(sl.from_frames(log), {**log, "split": ["train"] * 3}))
    with pytest.raises(DataError, match=said):
        model.add_items({"item_id": ids})


@pytest.mark.filterwarnings("ignore:Popular knows items by their clicks")
def test_new_items_are_named_as_reading_names_them():
    words = {"user_id": ["a", "a", "b"], "item_id": ["x", "y", "y"]}
    split = sl.split.published(sl.from_frames(words), {**words, "split": ["train"] * 3})
    model = sl.Popular().fit(split)
    grown = model.add_items(pd.DataFrame({"item_id": [7.0, 8.0]}))
    assert grown.items.ids[-2:].tolist() == ["7", "8"]
    with pytest.warns(sl.SidelightWarning, match="white space or NUL"):
        grown = model.add_items({"item_id": [" n\0", "m"]})
    assert grown.items.ids[-2:].tolist() == ["n", "m"]
    assert numbers().add_items({"item_id": ["7", 8.0]}).items.ids[-2:].tolist() == [7, 8]
    with pytest.raises(DataError, match="whole numbers as ids"):
        numbers().add_items({"item_id": ["7_0"]})


def test_truth_values_are_no_ids():
    with pytest.raises(DataError, match="text or whole numbers; found Boolean"):
        sl.from_frames({"user_id": [True, False], "item_id": ["x", "y"]})
