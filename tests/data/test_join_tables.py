"""Joins of several files, declared roles, values that a role cannot hold."""

from datetime import date

import polars as pl
import pytest

from sidelight.data.coerce_types import plain
from sidelight.data.parse_values import parse
from sidelight.data.read import SidelightWarning, from_frames, read, read_raw
from sidelight.data.schema import Column, Schema
from sidelight.data.schema_file import write_schema
from sidelight.errors import DataError

ROLES = ["text", "category", "tags", "number", "vector", "image_bytes", "timestamp", "ignore"]


def test_item_files_with_other_columns_are_joined(tmp_path):
    pl.DataFrame({"user_id": [1], "item_id": [1]}).write_parquet(tmp_path / "e.parquet")
    pl.DataFrame({"item_id": [1, 2], "title": ["a b", "c d"]}).write_parquet(tmp_path / "items.parquet")
    posters = pl.DataFrame({"item_id": [2, 3, 3], "jpeg": [b"x", b"y", b"z"]})
    posters.write_parquet(tmp_path / "posters.parquet")
    with pytest.warns(SidelightWarning, match="duplicate-item-row 1"):
        data = read(
            interactions=tmp_path / "e.parquet",
            items=[tmp_path / "items.parquet", tmp_path / "posters.parquet"],
        )
    assert data.items.rows() == [(1, "a b", None), (2, "c d", b"x"), (3, None, b"y")]
    assert data.schema.find("items", "jpeg").role == "image_bytes"


def test_a_declared_schema_covers_joined_files(tmp_path):
    tables = {"interactions": [tmp_path / "e.csv"], "items": [tmp_path / "a.csv", tmp_path / "b.csv"]}
    for name, text in {
        "e": "user_id,item_id\n1,1\n",
        "a": "item_id,title\n1,x y\n",
        "b": "id,brand\n1,Z\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(text)
    first = read(tables)
    write_schema(first.schema, tmp_path / "s.toml")
    again = read(tables, schema=tmp_path / "s.toml")
    assert again.fingerprint == first.fingerprint
    assert again.items.rows() == [(1, "x y", "Z")]
    (tmp_path / "b.csv").write_text("id,brnd\n1,Z\n")
    with pytest.raises(DataError, match="the declared column 'brand'"):
        read(tables, schema=tmp_path / "s.toml")


def test_appended_files_must_agree_on_time_and_weight(tmp_path):
    (tmp_path / "a.csv").write_text("user_id,item_id,timestamp\n1,1,1600000000\n")
    (tmp_path / "b.csv").write_text("user_id,item_id\n1,2\n")
    with pytest.raises(DataError, match=r"'timestamp' in all files or in none; found it in a\.csv alone"):
        read(interactions=[tmp_path / "a.csv", tmp_path / "b.csv"])


def test_interaction_files_are_appended(tmp_path):
    for month, rows in {"a": "1,x\n2,y\n", "b": "u3,x\n,y\n"}.items():
        (tmp_path / f"{month}.csv").write_text("user_id,item_id\n" + rows)
    raw = read_raw(interactions=[tmp_path / "a.csv", tmp_path / "b.csv"])
    assert raw.frames["interactions"].select("user_id", "__file__", "__row__").rows() == [
        ("1", "a.csv", 1), ("2", "a.csv", 2), ("u3", "b.csv", 1),
    ]  # fmt: skip
    assert raw.quarantine.select("file", "row").rows() == [("b.csv", 2)]


@pytest.mark.parametrize("role", ROLES)
def test_every_role_can_be_declared_for_every_type(role):
    """What does not fit is null and counted; where nothing fits the declaration is refused."""
    schema = Schema(items=(Column("item_id", "item_id"), Column("x", role)))
    for values in (
        [1.5, 2.5],
        ["p q", "r"],
        ["p q", "7"],
        [True, False],
        [b"x", b"y"],
        [["a"], ["b"]],
        [date(2024, 1, 1)] * 2,
    ):
        items = pl.DataFrame({"item_id": [1, 2], "x": values})
        events = {"user_id": [1], "item_id": [1]}
        if parse(plain(items["x"]), role).values.count():
            data = from_frames(events, items=items, schema=schema)
            assert data.items["x"].null_count() == data.notes["nulled values"].get("items.x", 0)
        else:
            with pytest.raises(DataError, match=r"'x'.*row 1.*role = "):
                from_frames(events, items=items, schema=schema)


def test_consent_must_be_a_column_that_is_declared():
    users = (
        Column("user_id", "user_id"),
        Column("age", "number", consent="opt_inn"),
        Column("opt_in", "context"),
    )
    frame = {"user_id": [1], "age": [30], "opt_in": [True]}
    with pytest.raises(DataError, match=r"'opt_inn'.*did you mean 'opt_in'"):
        from_frames({"user_id": [1], "item_id": [1]}, users=frame, schema=Schema(users=users))


def test_attributes_that_cannot_be_read_become_null_and_are_reported(tmp_path):
    (tmp_path / "e.csv").write_text("user_id,item_id\n1,1\n")
    rows = "\n".join(f"{i},{i}.5" if i != 4 else "4,cheap" for i in range(1, 12))
    (tmp_path / "i.csv").write_text("item_id,price\n" + rows + "\n")
    raw = read_raw(interactions=tmp_path / "e.csv", items=tmp_path / "i.csv")
    (finding,) = raw.findings
    assert (finding.defect, finding.row, finding.column, finding.quarantined) == (
        "bad-number",
        4,
        "price",
        False,
    )
    assert raw.frames["items"]["price"].to_list()[3] is None
    assert read(interactions=tmp_path / "e.csv", items=tmp_path / "i.csv").notes["nulled values"] == {
        "items.price": 1
    }
