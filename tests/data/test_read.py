"""Reading of data sets: formats agree, queries, warnings, quarantine."""

import importlib.util
import json
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from data.cases import LOOSE, shops, write_delimited, write_json
from hypothesis import given

from sidelight.data.read import SidelightWarning, from_frames, read, read_raw, read_sql, write_quarantine
from sidelight.errors import DataError, MissingExtraError


def write_atomic(rows, path: Path, kinds: dict[str, str]):
    def cell(value):
        return "" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)

    lines = ["\t".join(f"{n}:{kinds[n]}" for n in rows[0])]
    lines += ["\t".join(cell(v) for v in row.values()) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
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
