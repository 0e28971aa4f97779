"""Every format of one table gives one data set."""

import gzip
import importlib.util
import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sidelight.data.delimited as delimited
from sidelight.data.read import SidelightWarning, from_frames, read, read_raw, read_sql
from sidelight.data.schema_file import write_schema
from sidelight.errors import DataError, MissingExtraError

WORD = st.text("abcdefgh é", min_size=1, max_size=8).map(str.strip).filter(bool)
LOOSE = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def shops(draw):
    """Events and items as plain rows; tags always hold two labels, so that text formats show them."""
    n = draw(st.integers(1, 12))
    stem = draw(st.sampled_from(["", "i", "it-"]))
    items = [
        {
            "item_id": f"{stem}{i + 1}",
            "title": draw(WORD),
            "genres": [draw(st.sampled_from("uvw")), draw(st.sampled_from("xyz"))],
            "price": draw(st.none() | st.integers(0, 9999).map(lambda v: v / 100)),
            "vec": [float(np.float32(draw(st.floats(-9, 9)))), 0.5],
        }
        for i in range(n)
    ]
    events = [
        {
            "user_id": f"u{draw(st.integers(1, 5))}",
            "item_id": f"{stem}{draw(st.integers(1, n + 1))}",
            "timestamp": draw(st.integers(1_500_000_000, 1_700_000_000)),
            "weight": draw(st.integers(1, 20)) / 4,
        }
        for _ in range(draw(st.integers(1, 20)))
    ]
    return events, items


def write_delimited(rows, path: Path, separator=",", newline="\n", bom=False):
    def cell(value):
        if value is None:
            return ""
        if isinstance(value, list) and isinstance(value[0], float):
            value = json.dumps(value)
        elif isinstance(value, list):
            value = "|".join(value)
        text = str(value)
        return '"' + text.replace('"', '""') + '"' if separator in text or '"' in text else text

    lines = [separator.join(rows[0])] + [separator.join(cell(v) for v in row.values()) for row in rows]
    text = newline.join(lines) + newline
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())
    return path


def write_atomic(rows, path: Path, kinds: dict[str, str]):
    def cell(value):
        return "" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)

    lines = ["\t".join(f"{n}:{kinds[n]}" for n in rows[0])]
    lines += ["\t".join(cell(v) for v in row.values()) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_json(rows, path: Path):
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


KINDS = {
    "user_id": "token", "item_id": "token", "timestamp": "float", "weight": "float", "title": "token_seq",
    "genres": "token_seq", "price": "float", "vec": "float_seq",
}  # fmt: skip


@LOOSE
@given(shops())
def test_all_formats_give_one_fingerprint(tmp_path_factory, shop):
    folder = tmp_path_factory.mktemp("shop")
    tables = dict(zip(("interactions", "items"), shop, strict=True))
    want = from_frames(
        pl.DataFrame(shop[0]), items=pl.DataFrame(shop[1], schema_overrides={"price": pl.Float64})
    )
    variants = {
        "csv": {t: write_delimited(rows, folder / f"{t}.csv") for t, rows in tables.items()},
        "crlf": {
            t: write_delimited(rows, folder / f"{t}2.csv", newline="\r\n") for t, rows in tables.items()
        },
        "tsv": {t: write_delimited(rows, folder / f"{t}.tsv", "\t", bom=True) for t, rows in tables.items()},
        "psv": {t: write_delimited(rows, folder / f"{t}3.csv", ";") for t, rows in tables.items()},
        "jsonl": {t: write_json(rows, folder / f"{t}.jsonl") for t, rows in tables.items()},
        "inter": {"interactions": write_atomic(shop[0], folder / "s.inter", KINDS)},
        "parquet": {},
    }
    variants["inter"]["items"] = write_atomic(shop[1], folder / "s.item", KINDS)
    for table, rows in tables.items():
        variants["parquet"][table] = folder / f"{table}.parquet"
        pl.DataFrame(rows).write_parquet(variants["parquet"][table])
    for name, paths in variants.items():
        got = read(**paths)
        assert got.items.equals(want.items), name
        assert got.fingerprint == want.fingerprint, name


@LOOSE
@given(shops(), st.booleans())
def test_the_careful_reader_agrees_with_the_fast_one(tmp_path_factory, shop, as_json):
    folder = tmp_path_factory.mktemp("two")
    path = write_json(shop[0], folder / "e.jsonl") if as_json else write_delimited(shop[0], folder / "e.csv")
    with pytest.MonkeyPatch.context() as patch:
        fast = read(path)
        patch.setattr(delimited, "_fast", lambda *_: None)
        patch.setattr("sidelight.data.jsonlines._fast", lambda *_: None)
        careful = read(path)
    assert fast.fingerprint == careful.fingerprint


def test_pandas_and_dict_frames_equal_polars():
    columns = {"userId": [1, 2, 2], "movieId": [5, 6, 7], "rating": [1.0, 2.5, 3.0]}
    times = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])
    items = {"movieId": [5, 6, 8], "title": ["a b", None, "c d"], "year": [1999.0, None, 2001.0]}
    want = from_frames(pl.DataFrame({**columns, "timestamp": times.tolist()}), items=pl.DataFrame(items))
    got = from_frames(pd.DataFrame({**columns, "timestamp": times}), items=pd.DataFrame(items))
    zoned = pd.DataFrame({**columns, "timestamp": times.tz_localize("UTC").tz_convert("Asia/Tokyo")})
    assert got.fingerprint == want.fingerprint
    assert from_frames(zoned, items=items).fingerprint == want.fingerprint
    assert got.item_ids.tolist() == [5, 6, 7, 8]
    assert got.items["title"].to_list() == ["a b", None, None, "c d"]


def test_pandas_float_ids_with_gaps_stay_whole_numbers():
    with pytest.warns(SidelightWarning, match=r"1 row was set aside \(null-id 1\)"):
        data = from_frames(pd.DataFrame({"user_id": [1.0, None, 3.0], "item_id": ["a", "b", "c"]}))
    assert data.user_ids.tolist() == [1, 3]


def test_float_ids_in_text_lose_their_point(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id\n1.0,a\n2.0,b\n")
    raw = read_raw(path)
    assert [f.defect for f in raw.findings] == ["float-id"]
    assert raw.frames["interactions"]["user_id"].to_list() == [1, 2]


def test_gzip_and_quoted_newlines(tmp_path):
    path = tmp_path / "e.csv.gz"
    path.write_bytes(gzip.compress(b'user_id,item_id,note\n1,2,"a\nb"\n,3,x\n'))
    raw = read_raw(path)
    assert raw.frames["interactions"]["note"].to_list() == ["a\nb"]
    assert raw.quarantine.select("row", "defect").rows() == [(2, "null-id")]


def test_json_array_and_nested_objects(tmp_path):
    path = tmp_path / "items.json"
    path.write_text('[{"item_id": 1, "more": {"a": 1}, "big": 123456789012345678901}, {"item_id": 2}]')
    events = tmp_path / "e.jsonl"
    events.write_text('{"user_id": 1, "item_id": 1}\n')
    raw = read_raw(interactions=events, items=path)
    assert raw.frames["items"]["more"].to_list() == ['{"a": 1}', None]


def test_sql(tmp_path):
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("create table c (uid text, sku text, ts integer)")
    connection.executemany(
        "insert into c values (?, ?, ?)", [("u", "a", 1_600_000_000), ("v", "b", 1_600_000_060)]
    )
    data = read_sql(
        "select * from c", items="select distinct sku, sku as brand from c", connection=connection
    )
    assert data.shape == (2, 2)
    assert data.interactions.timestamp.tolist() == [1_600_000_000_000_000, 1_600_000_060_000_000]
    with pytest.raises(DataError, match="no such table"):
        read_sql("select * from absent", connection=connection)
    with pytest.raises(DataError, match="expected rows"):
        read_sql("select * from c where 0", connection=connection)
    connection.close()


def test_a_database_uri_without_its_package_says_what_to_install():
    if importlib.util.find_spec("connectorx"):
        pytest.skip("connectorx is installed, so nothing is missing")
    with pytest.raises(MissingExtraError, match="connectorx"):
        read_sql("select 1", connection="sqlite:///nowhere.db")


def test_atomic_header_is_checked(tmp_path):
    path = tmp_path / "x.inter"
    path.write_text("user_id:token\titem_id:tokn\n1\t2\n")
    with pytest.raises(DataError, match="did you mean 'token'"):
        read(path)


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
