"""Names: aliases are understood, misspelt ones answered, folders sorted out."""

import pytest

from sidelight.data.column_names import ALIASES, resolve
from sidelight.data.read import read, read_raw
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


def touch(folder, *names):
    for name in names:
        text = "item_id,title\n1,a b\n" if "item" in name or "mov" in name else "user_id,item_id\n1,1\n"
        (folder / name).write_text(text)


def test_a_folder_is_sorted_out_by_name(tmp_path):
    touch(tmp_path, "ratings.csv", "movies.csv", "links.csv", "README.md")
    (tmp_path / "users.csv").write_text("user_id,gender\n1,F\n")
    raw = read_raw(tmp_path)
    assert {t: [p.rsplit("/", 1)[1] for p in ps] for t, ps in raw.files.items()} == {
        "interactions": ["ratings.csv"], "items": ["movies.csv"], "users": ["users.csv"],
    }  # fmt: skip
    assert [(f.defect, f.file) for f in raw.findings] == [("unused-file", "links.csv")]


def test_its_own_name_wins_and_one_file_is_the_interactions(tmp_path):
    touch(tmp_path, "whatever.csv")
    assert read(tmp_path).shape == (1, 1)
    touch(tmp_path, "interactions.csv", "clicks.csv")
    assert read_raw(tmp_path).files["interactions"][0].endswith("interactions.csv")


def test_an_ambiguous_or_hopeless_folder_lists_what_is_there(tmp_path):
    with pytest.raises(DataError, match="found none"):
        read(tmp_path)
    touch(tmp_path, "a.csv", "b.csv")
    with pytest.raises(DataError, match=r"found a\.csv, b\.csv"):
        read(tmp_path)
    touch(tmp_path, "clicks.csv", "ratings.csv")
    with pytest.raises(DataError, match=r"found clicks\.csv and ratings\.csv"):
        read(tmp_path)
    with pytest.raises(DataError, match="found nothing"):
        read(tmp_path / "absent")
    with pytest.raises(DataError, match="did you mean 'items'"):
        read({"itms": tmp_path / "a.csv"})
    with pytest.raises(DataError, match="an interactions table"):
        read(items=tmp_path / "a.csv")


def test_a_mapping_is_what_the_keywords_are(tmp_path):
    touch(tmp_path, "e.csv", "items.csv")
    paths = {"interactions": tmp_path / "e.csv", "items": tmp_path / "items.csv"}
    assert read(paths).fingerprint == read(**paths).fingerprint
