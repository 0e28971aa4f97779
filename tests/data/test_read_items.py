"""Item rows that join a catalogue."""

from __future__ import annotations

import pytest

import sidelight as sl
from sidelight.data.read_items import read_items
from sidelight.errors import DataError


def test_new_rows_have_the_types_of_the_trained_table(shop, tmp_path):
    columns = sl.read(shop).schema.items
    path = tmp_path / "new.csv"
    path.write_text("item_id,title,tags,price\nn1,light rake,outdoor|rake,12.5\n")
    rows = read_items(path, columns)
    assert rows["item_id"].to_list() == ["n1"]
    assert rows["tags"].to_list() == [["outdoor", "rake"]]
    assert rows["price"].to_list() == [12.5]
    assert "brand" not in rows.columns


def test_a_misspelt_column_is_answered(shop, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("item_id,titel\nn1,light rake\n")
    with pytest.raises(DataError, match=r"'titel'.*did you mean 'title'"):
        read_items(path, sl.read(shop).schema.items)


def test_whole_number_ids_join_a_catalogue_of_whole_numbers(tmp_path):
    log = {"user_id": [1, 1, 2, 2], "item_id": [1, 2, 2, 3]}
    titles = {"item_id": [1, 2, 3], "title": ["red tool", "red hat", "blue hat of wool"]}
    data = sl.from_frames(log, titles, schema=None)
    model = sl.Popular().fit(sl.split.random_per_user(data))
    path = tmp_path / "new.csv"
    path.write_text("item_id,title\n999,red coat\n")
    with pytest.warns(UserWarning, match="score 0"):
        grown = model.add_items(read_items(path, data.schema.items))
    assert grown.items.ids.tolist() == [1, 2, 3, 999]


def test_rows_without_an_id_are_counted(shop, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("item_id,title\nn1,light rake\n,no id\n")
    with pytest.warns(sl.SidelightWarning, match="1 rows were left out"):
        rows = read_items(path, sl.read(shop).schema.items)
    assert len(rows) == 1


def test_a_table_without_ids_is_refused(shop, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("title\nlight rake\n")
    with pytest.raises(DataError, match="item_id"):
        read_items(path, sl.read(shop).schema.items)
