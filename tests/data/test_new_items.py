"""Item rows that join a catalogue are read as the trained table was."""

from __future__ import annotations

import pytest

import sidelight as sl
from sidelight.data.new_items import read_items
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
