"""Splits on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_events import dataset, keys

from sidelight.data import split as make
from sidelight.errors import BundleError, DataError, SpecError
from sidelight.storage import read_folder, write_folder

EVENTS = [(u, i, u + 2 * i) for u in range(1, 7) for i in range(1, 10)]


@pytest.mark.parametrize("order", ["timestamp", "position", ""])
def test_a_split_reads_back_equal(tmp_path: Path, order: str) -> None:
    data = dataset(EVENTS, order=order)
    split = replace(make.cold_users(data, 0.5, history=2), mask="others", overall_users="both")
    split = replace(split, test_history="train+validation")
    back = make.read_split(make.write_split(split, tmp_path / "made" / "split"), data)
    for name in ("train", "validation", "sealed", "given", "candidates", "cold", "simulated"):
        ours, theirs = getattr(split, name), getattr(back, name)
        assert ours.dtype == theirs.dtype and (ours == theirs).all()
    assert (back.how, back.mask, back.overall_users) == (split.how, "others", "both")
    assert back.test_history == "train+validation"
    assert [p.name for p in (tmp_path / "made").iterdir()] == ["split"]


def test_a_folder_of_an_earlier_version_gets_what_its_maker_gives_now(tmp_path: Path) -> None:
    data = dataset(EVENTS)
    last = make.leave_last_out(data)
    rows = pl.read_parquet(make.write_split(last, tmp_path / "rows") / "files" / "rows.parquet")
    splits = [make.temporal(data), last, make.random_per_user(data), make.published(data, rows)]
    splits.append(make.published(dataset(EVENTS, order=""), rows.drop("timestamp")))
    for at, split in enumerate(splits):
        folder = make.write_split(split, tmp_path / f"new{at}")
        arrays, meta, files = read_folder(folder)
        page = json.loads(files["split.json"])
        del page["test_history"]
        write_folder(tmp_path / f"old{at}", arrays, meta, {**files, "split.json": json.dumps(page).encode()})
        assert make.read_split(tmp_path / f"old{at}", split.data).test_history == split.test_history
    assert [s.test_history for s in splits] == [
        *["train+validation"] * 2,
        "train",
        "train+validation",
        "train",
    ]


def test_anybody_can_read_the_rows(tmp_path: Path) -> None:
    data = dataset(EVENTS)
    split = make.temporal(data)
    time = pl.col("timestamp").dt.epoch("us")
    rows = pl.read_parquet(make.write_split(split, tmp_path / "split") / "files" / "rows.parquet")
    assert rows.columns == ["user_id", "item_id", "timestamp", "split", "given"]
    assert sorted(rows.filter(split="test").select("user_id", "item_id", time).rows()) == keys(
        data, split.sealed
    )
    again = make.published(data, rows)
    assert (again.train == split.train).all() and (again.sealed == split.sealed).all()


def test_other_data_is_refused(tmp_path: Path) -> None:
    data = replace(dataset(EVENTS), fingerprint="a" * 64)
    folder = make.write_split(make.temporal(data), tmp_path / "split")
    with pytest.raises(DataError, match=r"fingerprint aaaa.*found bbbb"):
        make.read_split(folder, replace(data, fingerprint="b" * 64))
    with pytest.raises(DataError, match=r"other ones.*53 events"):
        make.read_split(folder, dataset(EVENTS[1:]))
    moved = [(u, i, t + (u == 3)) for u, i, t in EVENTS]
    with pytest.raises(DataError, match="other ones"):
        make.read_split(folder, dataset(moved))
    with pytest.raises(DataError, match="give the data"):
        make.read_split(folder)


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    data = dataset(EVENTS)
    for number, name in enumerate(("rows.parquet", "items.parquet", "split.json")):
        folder = make.write_split(make.temporal(data), tmp_path / str(number))
        file = folder / "files" / name
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        with pytest.raises(BundleError, match=name):
            make.read_split(folder, data)
        file.unlink()
        with pytest.raises(BundleError, match=name):
            make.read_split(folder, data)
    with pytest.raises(BundleError):
        make.read_split(tmp_path, data)


def test_nothing_is_replaced_unless_forced(tmp_path: Path) -> None:
    data = dataset(EVENTS)
    folder = make.write_split(make.temporal(data), tmp_path / "split")
    with pytest.raises(SpecError, match="exists"):
        make.write_split(make.leave_last_out(data), folder)
    assert make.read_split(folder, data).how["rule"] == "temporal"
    make.write_split(make.leave_last_out(data), folder, force=True)
    assert make.read_split(folder, data).how["rule"] == "leave_last_out"
    assert not np.array_equal(make.read_split(folder, data).sealed, make.temporal(data).sealed)
