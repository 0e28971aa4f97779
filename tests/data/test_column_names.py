"""Column names: aliases, ambiguous and misspelt names, impossible roles."""

import pytest

from sidelight.data.column_names import resolve
from sidelight.data.read import from_frames, read, read_raw
from sidelight.data.schema import Column, Schema
from sidelight.data.vocabulary import ALIASES
from sidelight.errors import DataError


@pytest.mark.parametrize(
    ("found", "want"),
    [
        (["userId", "movieId", "rating", "timestamp"], ["user_id", "item_id", "weight", "timestamp"]),
        (["reviewerID", "asin", "overall", "unixReviewTime"], ["user_id", "item_id", "weight", "timestamp"]),
        (["customer_id", "article_id", "t_dat", "price"], ["user_id", "item_id", "timestamp", "price"]),
        (["visitorid", "itemid", "timestamp", "event"], ["user_id", "item_id", "timestamp", "event"]),
        (["household_id", "product_id", "quantity"], ["user_id", "item_id", "weight"]),
        (["USER ID", "Item-Id", "datetime"], ["user_id", "item_id", "timestamp"]),
        (["user_id", "asin", "parent_asin"], ["user_id", "asin", "item_id"]),
        (["customer_id", "product", "product_id"], ["user_id", "product", "item_id"]),
        (["user_id", "uid", "item_id", "sku"], ["user_id", "uid", "item_id", "sku"]),
    ],
)
def test_names_of_other_projects(found, want):
    renames = resolve(found, "interactions", "x").renames
    assert [renames.get(n, n) for n in found] == want


@pytest.mark.parametrize("canonical", ALIASES)
def test_every_alias_alone_is_understood(canonical):
    others = [n for n in ("user_id", "item_id") if n != canonical]
    for alias in ALIASES[canonical]:
        for spelt in (alias, alias.upper(), alias.replace("_", ""), alias.replace("_", " ").title()):
            assert resolve([*others, spelt], "interactions", "x").renames == {spelt: canonical}


def test_id_counts_in_its_own_table_only():
    assert resolve(["id", "title"], "items", "x").renames == {"id": "item_id"}
    assert resolve(["id", "age"], "users", "x").renames == {"id": "user_id"}
    assert resolve(["id", "user_id", "item_id"], "interactions", "x").renames == {}


def test_two_columns_for_one_meaning():
    with pytest.raises(DataError, match=r"one column for 'user_id'; found 'uid' and 'customer_id'; in x"):
        resolve(["customer_id", "uid", "item_id"], "interactions", "x")
    naming = resolve(["user_id", "item_id", "quantity", "rating"], "interactions", "x")
    assert naming.renames == {"rating": "weight"}
    assert [f.defect for f in naming.findings] == ["ambiguous-column"]


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("usr_id,item_id", "did you mean 'usr_id'"),
        ("user_id,itme_id", "did you mean 'itme_id'"),
        ("user_id,produkt_id", "did you mean 'produkt_id'"),
        ("user_id,colour", "rename the right column to 'item_id'"),
        ("1,5", "no header line"),
    ],
)
def test_a_misspelt_required_name_is_answered(tmp_path, header, answer):
    path = tmp_path / "e.csv"
    path.write_text(header + "\n1,2\n")
    with pytest.raises(DataError, match=answer) as error:
        read(path)
    assert "in e.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_misspelt_optional_name_is_said(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id,timestmp\n1,2,3\n")
    (finding,) = read_raw(path).findings
    assert (finding.defect, finding.column) == ("misspelt-column", "timestmp")
    assert "did you mean 'timestamp'" in finding.fix


@pytest.mark.parametrize(
    ("table", "role"), [("items", "weight"), ("items", "user_id"), ("interactions", "tags")]
)
def test_a_role_that_the_table_cannot_have_is_refused(table, role):
    own = {
        "items": [Column("item_id", "item_id")],
        "interactions": [Column(n, n) for n in ("user_id", "item_id")],
    }
    schema = Schema(**{table: (*own[table], Column("x", role))})
    frame = {"user_id": [1], "item_id": [1], "x": ["a"]}
    with pytest.raises(DataError, match=rf"{role}.*\[{table}\] x"):
        from_frames(frame, items=frame, schema=schema)
