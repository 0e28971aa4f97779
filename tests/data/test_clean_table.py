"""Rows that are set aside, ids and weights."""

import json
import warnings

import polars as pl
import pytest
from data.cases import raw_of
from hypothesis import given, settings
from hypothesis import strategies as st

from sidelight.data.read import SidelightWarning, from_frames, read, read_raw
from sidelight.errors import DataError

HEAD = "user_id,item_id,timestamp,weight\n"


GOOD = "u1,i1,1600000000,1"


ROW = st.tuples(
    st.sampled_from(["1", "2", "", " "]),
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["1600000000", "1600000001", "x"]),
    st.sampled_from(["1", "2", "0", "nan"]),
)


@pytest.mark.parametrize(
    ("line", "defect"),
    [
        (",i1,1600000000,1", "null-id"),
        ("u1,,1600000000,1", "null-id"),
        ("u1,  ,1600000000,1", "blank-id"),
        ("u1,i1,yesterday,1", "bad-timestamp"),
        ("u1,i1,,1", "bad-timestamp"),
        ("u1,i1,1600000000,many", "bad-number"),
        ("u1,i1,1600000000,", "bad-number"),
        ("u1,i1,1600000000,nan", "nonfinite-weight"),
        ("u1,i1,1600000000,-inf", "nonfinite-weight"),
        ("u1,i1,1600000000,1e39", "nonfinite-weight"),
        ("u1,i1,1600000000,0", "nonpositive-weight"),
        ("u1,i1,1600000000,-3", "nonpositive-weight"),
        ("u1,i1,1600000000,1e-60", "nonpositive-weight"),
        ("u1,i1,1600000000", "ragged-row"),
        ("u1,i1,1600000000,1,9", "ragged-row"),
        ('u1,"i1,1600000000,1', "ragged-row"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_place(tmp_path, line, defect):
    raw = raw_of(tmp_path, HEAD + "\n".join([GOOD, "u2,i2,1600000001,2", line, "u3,i3,1600000002,3"]) + "\n")
    assert raw.quarantine.select("file", "row", "table", "defect").rows() == [
        ("e.csv", 3, "interactions", defect)
    ]
    assert raw.frames["interactions"]["__row__"].to_list() == [1, 2, 4]
    finding = next(f for f in raw.findings if f.defect == defect)
    assert (finding.row, finding.count, finding.quarantined, finding.file) == (3, 1, True, "e.csv")
    content = json.loads(raw.quarantine["content"][0])
    assert all(part in json.dumps(content) for part in line.replace('"', "").split(",") if part.strip())


def test_ids_are_trimmed_and_mixed_kinds_are_said(tmp_path):
    raw = raw_of(tmp_path, "user_id,item_id\n 1 ,a\n22,b\nanon,c\n")
    assert raw.frames["interactions"]["user_id"].to_list() == ["1", "22", "anon"]
    by = {f.defect: f for f in raw.findings}
    assert set(by) == {"id-whitespace", "mixed-type-id"}
    assert (by["id-whitespace"].row, by["id-whitespace"].count) == (1, 1)
    assert (by["mixed-type-id"].row, by["mixed-type-id"].count) == (3, 1)


def test_ids_are_numbers_only_when_all_tables_agree(tmp_path):
    events = pl.DataFrame({"user_id": ["1", "2"], "item_id": [7, 8]})
    assert from_frames(events).user_ids.tolist() == [1, 2]
    assert from_frames(events, items=pl.DataFrame({"item_id": ["7", "x"]})).item_ids.tolist() == [
        "7",
        "8",
        "x",
    ]
    assert from_frames({"user_id": ["007", "8"], "item_id": [1, 2]}).user_ids.tolist() == ["007", "8"]


def test_a_column_without_one_readable_value_is_an_error_and_no_rows_fault(tmp_path):
    with pytest.raises(DataError, match=r"expected times in the column 'timestamp'; found '13/45/2020'"):
        raw_of(tmp_path, "user_id,item_id,time\n1,2,13/45/2020\n")
    with pytest.raises(DataError, match="expected numbers in the column 'weight'"):
        raw_of(tmp_path, "user_id,item_id,score\n1,2,good\n")


@settings(max_examples=20)
@given(st.lists(ROW, min_size=1, max_size=12), st.integers(0, 2))
def test_kept_and_duplicates_and_quarantined_are_all_rows(tmp_path_factory, rows, ragged):
    path = tmp_path_factory.mktemp("sum") / "e.csv"
    lines = ["1,a,1600000000,1", *(",".join(r) for r in rows), *["1,a"] * ragged]
    path.write_text(HEAD + "\n".join(lines) + "\n")
    raw = read_raw(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SidelightWarning)
        data = read(path)
    aside = sum(data.notes["quarantined"].values())
    assert aside == raw.quarantine.height
    assert len(data.interactions) + data.notes["duplicate events"] + aside == len(lines)
    assert data.notes["rows"]["interactions"] == len(lines)
    places = raw.quarantine["row"].to_list() + raw.frames["interactions"]["__row__"].to_list()
    assert sorted(places) == list(range(1, len(lines) + 1))


def test_float_ids_in_text_lose_their_point(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id\n1.0,a\n2.0,b\n")
    raw = read_raw(path)
    assert [f.defect for f in raw.findings] == ["float-id"]
    assert raw.frames["interactions"]["user_id"].to_list() == [1, 2]
