"""Table files in folders."""

import pytest

from sidelight.data.read import read, read_raw
from sidelight.errors import DataError


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
