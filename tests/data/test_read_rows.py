"""Bad rows: each is set aside with its exact place, none is lost, none is kept."""

import csv
import io
import json
import warnings

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidelight.data.read import SidelightWarning, from_frames, read, read_raw, write_quarantine
from sidelight.errors import DataError

HEAD = "user_id,item_id,timestamp,weight\n"
GOOD = "u1,i1,1600000000,1"


def raw_of(tmp_path, text, name="e.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_raw(path)


def defects(raw):
    return {f.defect for f in raw.findings}


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


def test_row_numbers_survive_blank_lines_and_quoted_newlines(tmp_path):
    text = 'user_id,item_id,note\n\n1,2,"a\n\nb"\n   \n3,4,c\n\n5,,d\n6,7\n8,9,"e, ""f"""\n\n'
    raw = raw_of(tmp_path, text)
    assert raw.quarantine.select("row", "defect").sort("row").rows() == [(3, "null-id"), (4, "ragged-row")]
    assert raw.frames["interactions"]["note"].to_list() == ["a\n\nb", "c", 'e, "f"']
    assert raw.frames["interactions"]["__row__"].to_list() == [1, 2, 5]


def test_stray_and_unclosed_quotes_cost_one_row_at_most(tmp_path):
    text = 'user_id,item_id,note\n1,1,5" pipe\n2,2,"open\n3,3,c\n4,4,"x"y\n5,5,"fine"\n'
    raw = raw_of(tmp_path, text)
    assert raw.quarantine.select("row", "defect").rows() == [(2, "ragged-row")]
    assert raw.frames["interactions"]["user_id"].to_list() == [1, 3, 4, 5]
    assert raw.frames["interactions"]["note"].to_list() == ['5" pipe', "c", "xy", "fine"]


CELL = st.text('ab,"\n ;', max_size=4)


@given(st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=8))
def test_any_rows_that_csv_can_write_come_back_or_are_set_aside(tmp_path_factory, rows):
    """Against Python's own reader: rows of three fields come back, others are quarantined."""
    rows = [["u1", "i1", "first"], *(["u" + r[0], "i" + r[1], *r[2:]] for r in rows)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["user_id", "item_id", "note"], *rows])
    path = tmp_path_factory.mktemp("any") / "e.csv"
    path.write_text(out.getvalue(), newline="")
    raw = read_raw(path)
    good = [(i, r) for i, r in enumerate(rows, start=1) if len(r) == 3]
    assert raw.quarantine["row"].to_list() == [i for i, r in enumerate(rows, start=1) if len(r) != 3]
    kept = raw.frames["interactions"]
    assert kept["__row__"].to_list() == [i for i, _ in good]
    assert kept["note"].to_list() == [r[2] or None for _, r in good]


def test_bad_json_lines(tmp_path):
    lines = [
        '{"user_id": 1, "item_id": "a", "weight": 2}',
        "",
        "{oops",
        '{"user_id": "x", "item_id": "b", "weight": NaN}',
    ]
    raw = raw_of(
        tmp_path, "\n".join([*lines, "[1, 2]", '{"user_id": 2.0, "item_id": "c", "weight": 1}']), "e.jsonl"
    )
    aside = raw.quarantine.sort("row")
    assert aside.select("row", "defect").rows() == [
        (2, "bad-json-line"),
        (3, "nonfinite-weight"),
        (4, "bad-json-line"),
    ]
    assert aside["content"][0] == '"{oops"'
    assert raw.frames["interactions"].select("user_id", "__row__").rows() == [("1", 1), ("2.0", 5)]


def test_encodings(tmp_path):
    text = "user_id,item_id,note\n1,2,café\n"
    for encoding, said in [
        ("utf-8", set()),
        ("utf-8-sig", {"byte-order-mark"}),
        ("latin-1", {"not-utf8"}),
        ("utf-16", {"not-utf8"}),
    ]:
        raw = raw_of(tmp_path, text, encoding=encoding)
        assert raw.frames["interactions"]["note"].to_list() == ["café"], encoding
        assert defects(raw) == said, encoding


def test_odd_headers(tmp_path):
    raw = raw_of(tmp_path, ",user_id,item_id,note,note\n0,1,2,a,b\n")
    assert defects(raw) == {"empty-column-name", "duplicate-column-name"}
    assert raw.frames["interactions"].columns[:5] == ["column_1", "user_id", "item_id", "note", "note_2"]


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


@pytest.mark.parametrize("text", ["", "\n\n", "user_id,item_id\n", "user_id,item_id,x\n1,2\n"])
def test_an_empty_file_is_an_error(tmp_path, text):
    with pytest.raises(DataError, match=r"an empty file|found no row|found 2 in row 1"):
        raw_of(tmp_path, text)


def test_a_column_without_one_readable_value_is_an_error_and_no_rows_fault(tmp_path):
    with pytest.raises(DataError, match=r"expected times in the column 'timestamp'; found '13/45/2020'"):
        raw_of(tmp_path, "user_id,item_id,time\n1,2,13/45/2020\n")
    with pytest.raises(DataError, match="expected numbers in the column 'weight'"):
        raw_of(tmp_path, "user_id,item_id,score\n1,2,good\n")


def test_nothing_usable_is_an_error(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id\n,1\n,2\n")
    with pytest.raises(DataError, match=r"at least one usable interaction; found none \(null-id 2\)"):
        read(path)


def test_the_warning_counts_and_the_quarantine_file_holds_every_row(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id,weight\n1,2,1\n,2,1\n3,4,0\n1,2\n")
    items = tmp_path / "i.csv"
    items.write_text("item_id,title\n2,a b\n2,c d\n")
    with pytest.warns(SidelightWarning) as seen:
        data = read(interactions=path, items=items)
    (message,) = [str(w.message) for w in seen]
    assert message.startswith(
        "4 rows were set aside (duplicate-item-row 1, nonpositive-weight 1, null-id 1, ragged-row 1)"
    )
    assert data.items["title"].to_list()[:1] == ["a b"]
    raw = read_raw(interactions=path, items=items)
    assert write_quarantine(raw, tmp_path / "q.csv") == 4
    assert write_quarantine(raw, tmp_path / "q.jsonl") == 4
    lines = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert {(r["file"], r["row"]) for r in lines} == {("e.csv", 2), ("e.csv", 3), ("e.csv", 4), ("i.csv", 2)}
    assert pl.read_csv(tmp_path / "q.csv").select("file", "row").rows() == [
        (r["file"], r["row"]) for r in lines
    ]
    assert not list(tmp_path.glob("*.part"))


ROW = st.tuples(
    st.sampled_from(["1", "2", "", " "]),
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["1600000000", "1600000001", "x"]),
    st.sampled_from(["1", "2", "0", "nan"]),
)


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
