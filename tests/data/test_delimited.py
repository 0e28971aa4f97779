"""Delimited files: clean, ragged, quoted, RecBole's."""

import csv
import gzip
import io

import pytest
from data.cases import LOOSE, defects, raw_of, shops, write_delimited, write_json
from hypothesis import given
from hypothesis import strategies as st

import sidelight.data.delimited as delimited
from sidelight.data.read import read, read_raw
from sidelight.errors import DataError

CELL = st.text('ab,"\n ;', max_size=4)


@LOOSE
@given(shops(), st.booleans())
def test_the_careful_reader_agrees_with_the_fast_one(tmp_path_factory, shop, as_json):
    folder = tmp_path_factory.mktemp("two")
    path = write_json(shop[0], folder / "e.jsonl") if as_json else write_delimited(shop[0], folder / "e.csv")
    with pytest.MonkeyPatch.context() as patch:
        fast = read(path)
        patch.setattr(delimited, "_read_fast", lambda *_: None)
        patch.setattr("sidelight.data.jsonlines._read_fast", lambda *_: None)
        careful = read(path)
    assert fast.fingerprint == careful.fingerprint


def test_gzip_and_quoted_newlines(tmp_path):
    path = tmp_path / "e.csv.gz"
    path.write_bytes(gzip.compress(b'user_id,item_id,note\n1,2,"a\nb"\n,3,x\n'))
    raw = read_raw(path)
    assert raw.frames["interactions"]["note"].to_list() == ["a\nb"]
    assert raw.quarantine.select("row", "defect").rows() == [(2, "null-id")]


def test_atomic_header_is_checked(tmp_path):
    path = tmp_path / "x.inter"
    path.write_text("user_id:token\titem_id:tokn\n1\t2\n")
    with pytest.raises(DataError, match="did you mean 'token'"):
        read(path)


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


def test_odd_headers(tmp_path):
    raw = raw_of(tmp_path, ",user_id,item_id,note,note\n0,1,2,a,b\n")
    assert defects(raw) == {"empty-column-name", "duplicate-column-name"}
    assert raw.frames["interactions"].columns[:5] == ["column_1", "user_id", "item_id", "note", "note_2"]
