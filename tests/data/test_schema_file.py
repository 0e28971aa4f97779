"""sidelight.toml: what is written is read back; what is misspelt is answered."""

import tomllib

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidelight.data.read import SidelightWarning, from_frames, read, read_raw
from sidelight.data.schema import ROLES, UNITS, Column, Schema
from sidelight.data.schema_file import read_files, read_schema, write_schema
from sidelight.errors import DataError

NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
COLUMN = st.builds(
    Column, NAME, st.sampled_from(ROLES), NAME, st.booleans(), st.booleans(), st.none() | NAME,
    st.sampled_from(["", *UNITS, "%d.%m.%Y %H:%M"]),
)  # fmt: skip
TABLE = st.lists(COLUMN, max_size=5, unique_by=lambda c: c.name).map(tuple)


@settings(max_examples=30)
@given(st.builds(Schema, TABLE, TABLE, TABLE))
def test_round_trip(tmp_path_factory, schema):
    path = tmp_path_factory.mktemp("s") / "sidelight.toml"
    write_schema(schema, path, {"items": ["a.csv", 'q"\x7f.csv']})
    assert read_schema(path) == schema
    assert read_files(path) == {"items": ("a.csv", 'q"\x7f.csv')}
    assert path.read_text().count("# ") >= 5


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('[item]\na = { role = "text" }', "did you mean 'items'"),
        ("[items]\na = { rol = 1 }", "role = "),
        ('[items]\na = { role = "text", sensitiv = true }', "did you mean 'sensitive'"),
        ('[items]\na = { role = "txt" }', "did you mean 'text'"),
        ('[items]\na = { role = "text", sensitive = "yes" }', "sensitive = true or false"),
        ('[items]\na = { role = "timestamp", unit = "sec" }', "unit"),
        ('[files]\nitms = "x"', "did you mean 'items'"),
        ("[items", "valid TOML"),
        ("version = 9", "version = 1"),
    ],
)
def test_a_wrong_line_is_answered(tmp_path, text, answer):
    path = tmp_path / "sidelight.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=answer) as error:
        read_schema(path)
        read_files(path)
    assert "sidelight.toml" in str(error.value)


def shop(folder):
    (folder / "interactions.csv").write_text(
        "who,what,when,stars\na,1,1600000000000,5\nb,2,1600000000001,0\n"
    )
    (folder / "items.csv").write_text("item_id,code,year\n1,7,1999\n2,8,2001\n")
    return folder


def test_the_folders_schema_is_used(tmp_path):
    toml = """
    [interactions]
    user_id = { role = "user_id", source = "who" }
    what = "item_id"
    when = { role = "timestamp", unit = "us" }
    [items]
    item_id = "item_id"
    code = { role = "category", known_at_launch = false }
    """
    (shop(tmp_path) / "sidelight.toml").write_text(toml)
    raw = read_raw(tmp_path)
    assert {f.defect for f in raw.findings} == {"undeclared-column"}
    assert {f.column for f in raw.findings} == {"stars", "year"}
    data = read(tmp_path)
    assert data.interactions.timestamp.tolist() == [1600000000000, 1600000000001]
    assert data.items.columns == ["item_id", "code"]
    assert not data.schema.find("items", "code").known_at_launch
    assert data.schema.find("interactions", "item_id").source == "what"


def test_a_declared_column_that_is_absent_is_an_error(tmp_path):
    (shop(tmp_path) / "sidelight.toml").write_text('[items]\nitem_id = "item_id"\nyears = "number"\n')
    (tmp_path / "interactions.csv").write_text("user_id,item_id\n1,1\n")
    with pytest.raises(DataError, match="did you mean 'year'"):
        read(
            interactions=tmp_path / "interactions.csv",
            items=tmp_path / "items.csv",
            schema=tmp_path / "sidelight.toml",
        )


def test_a_name_does_not_overrule_the_declared_role():
    events = pl.DataFrame({"user_id": [1, 2], "item_id": [1, 2], "weight": [0.0, -1.0]})
    schema = Schema((Column("user_id", "user_id"), Column("item_id", "item_id"), Column("weight", "ignore")))
    assert from_frames(events, schema=schema).interactions.weight.tolist() == [1, 1]


def test_files_are_named_in_the_schema_file(tmp_path):
    (tmp_path / "a.csv").write_text("user_id,item_id\n1,1\n")
    (tmp_path / "b.csv").write_text("user_id,item_id\n2,1\n")
    (tmp_path / "sidelight.toml").write_text('[files]\ninteractions = ["a.csv", "b.csv"]\n')
    assert read(tmp_path).shape == (2, 1)


def test_reading_with_the_inferred_schema_gives_the_same_data(tmp_path):
    frames = {
        "interactions": pl.DataFrame(
            {"uid": ["a", "b"], "item": [1, 2], "ts": [1_600_000_000, 1_600_000_009]}
        ),
        "items": pl.DataFrame(
            {"item": [1, 2], "genres": ["x|y", "z|y"], "votes": ["3", "4"], "vec": ["[0.5]", None]}
        ),
        "users": pl.DataFrame(
            {"uid": ["a", "b"], "age": [30, 40], "zip": ["01", "02"], "opt_in": ["yes", "no"]}
        ),
    }
    first = from_frames(**frames)
    write_schema(first.schema, tmp_path / "sidelight.toml")
    again = from_frames(**frames, schema=read_schema(tmp_path / "sidelight.toml"))
    assert again.fingerprint == first.fingerprint
    assert again.schema == first.schema
    assert tomllib.loads((tmp_path / "sidelight.toml").read_text())["items"]["votes"] == {
        "role": "number", "known_at_launch": False,
    }  # fmt: skip
    assert first.users["opt_in"].to_list() == [True, False]
    assert first.schema.find("users", "zip").consent == "opt_in"
    assert first.schema.find("users", "age").sensitive


def test_a_byte_order_mark_is_no_statement(tmp_path):
    path = tmp_path / "sidelight.toml"
    path.write_text('version = 1\n[items]\nitem_id = "item_id"\n', encoding="utf-8-sig")
    assert read_schema(path).items == (Column("item_id", "item_id"),)


def test_columns_written_in_any_way_are_read_alike_by_the_inferred_schema(tmp_path):
    """The unit that was read (a decimal mark, spreadsheet days, the order of a date) is in the file."""
    many = range(40)
    events = {
        "user_id": [k % 7 for k in many],
        "item_id": list(many),
        "sold": [f"{1 + k % 12}/{13 + k % 9}/2024" if k != 5 else "soon" for k in many],
    }
    items = {
        "item_id": list(many),
        "price": [f"{k},5 €" for k in many],
        "launch_date": [45_000 + k for k in many],
        "kinds": ["{a,b}", "{c}"] * 20,
    }
    with pytest.warns(SidelightWarning, match="bad-timestamp 1"):
        first = from_frames(events, items)
    write_schema(first.schema, tmp_path / "sidelight.toml")
    declared = read_schema(tmp_path / "sidelight.toml")
    with pytest.warns(SidelightWarning, match="bad-timestamp 1"):
        again = from_frames(events, items, schema=declared)
    assert (again.fingerprint, again.schema) == (first.fingerprint, first.schema)
    assert {c.name: c.unit for _, c in declared if c.unit} == {
        "timestamp": "mdy", "price": ",", "launch_date": "excel",
    }  # fmt: skip
