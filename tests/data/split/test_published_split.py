"""Published splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_events import dataset, keys, rows

from sidelight.data import split as make
from sidelight.data.dataset import Dataset
from sidelight.data.interactions import Interactions
from sidelight.data.schema import Schema
from sidelight.data.split.selection import selection_split
from sidelight.errors import DataError, SpecError

EVENTS = [(u, i, u + 2 * i) for u in range(1, 5) for i in range(1, 8)]


LABELS = {1: "cold_val", 2: "cold_test", 3: "warm_val", 4: "warm_test"}  # by item; the others train


def table(events: list[tuple[int, int, int]] = EVENTS, order: str = "timestamp") -> pl.DataFrame:
    frame = pl.DataFrame(events, schema=["user_id", "item_id", order], orient="row")
    return frame.with_columns(pl.col("item_id").replace_strict(LABELS, default="train").alias("split"))


def three_each(
    parts: str, moments: tuple[int, int, int] = (1, 2, 3)
) -> tuple[list[tuple[int, int, int]], pl.DataFrame]:
    """Three events of each of four users; `parts` names the part of each, t, v or s for test."""
    events = [(u, 3 * at + 1, moments[at] + u) for u in range(1, 5) for at in range(3)]
    names = {"t": "train", "v": "valid", "s": "test"}
    frame = pl.DataFrame(events, schema=["user_id", "item_id", "timestamp"], orient="row")
    return events, frame.with_columns(split=pl.Series([names[p] for p in parts]))


def broken(**change: object) -> pl.DataFrame:
    """The table with other values in its first row."""
    first = pl.int_range(pl.len()) == 0
    return table().with_columns(
        pl.when(first).then(pl.lit(v)).otherwise(n).alias(n) for n, v in change.items()
    )


def real(folder: Path, order: str = "") -> Dataset:
    """A folder of the real data with ids and events alone."""
    log = pl.read_parquet(folder / "interactions.parquet").cast(pl.Int64)
    log = log.sort(["user_id", *([order] if order else []), "item_id"])
    known = pl.read_parquet(folder / "items.parquet", columns=["item_id"])["item_id"].cast(pl.Int64)
    items = np.unique(np.concatenate([known.to_numpy(), log["item_id"].to_numpy()]))
    users = np.unique(log["user_id"].to_numpy())
    events = Interactions(
        np.searchsorted(users, log["user_id"].to_numpy()).astype(np.int32),
        np.searchsorted(items, log["item_id"].to_numpy()).astype(np.int32),
        np.ones(len(log), dtype=np.float32),
        position=log[order].to_numpy() if order else None,
    )
    tables = pl.DataFrame({"item_id": items}), pl.DataFrame({"user_id": users})
    return Dataset(events, items, users, *tables, Schema())


@given(events=rows(), labels=st.data())
def test_every_event_goes_where_the_file_says(
    events: list[tuple[int, int, int]], labels: st.DataObject
) -> None:
    names = ["train", *labels.draw(st.lists(st.sampled_from(["train", "dev", "test"]),
                                            min_size=len(events) - 1, max_size=len(events) - 1))]  # fmt: skip
    frame = pl.DataFrame(events, schema=["user_id", "item_id", "timestamp"], orient="row")
    frame = frame.with_columns(pl.Series("split", names)).sample(fraction=1, shuffle=True, seed=len(events))
    data = dataset(events)
    split = make.published(data, frame)
    for part, name in ((split.train, "train"), (split.validation, "dev"), (split.sealed, "test")):
        assert keys(data, part) == sorted(frame.filter(split=name).select(pl.exclude("split")).rows())
    assert (split.mask, split.overall_users) == ("seen", "any")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_files_of_each_kind_give_the_same_split(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"split.{suffix}"
    frame = table().rename({"user_id": "userId"})
    writers = {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}
    writers.get(suffix, lambda p: frame.write_csv(p, separator="\t"))(path)
    data = dataset(EVENTS)
    split, expected = make.published(data, path), make.published(data, table().to_pandas())
    assert (split.train == expected.train).all() and (split.sealed == expected.sealed).all()
    assert split.how["file"] == path.name


def test_cold_is_what_has_no_training_event_and_what_is_declared_so() -> None:
    split = make.published(dataset(EVENTS), table())
    assert np.flatnonzero(split.cold).tolist() == [0, 1, 2, 3, 7, 8, 9]
    assert (split.mask, split.overall_users) == ("others", "both")
    # Items 3 and 4 are warm by name but have no training event: they are cold all the same.
    train = table().with_columns(split=pl.when(item_id=3, user_id=1).then(pl.lit("train")).otherwise("split"))
    assert make.published(dataset(EVENTS), train).warm[2]


@pytest.mark.parametrize(
    ("parts", "moments", "history"),
    [
        ("tvs" * 4, (1, 2, 3), "train+validation"),
        ("vts" * 4, (1, 2, 3), "train+validation"),  # training after validation takes nothing away
        ("tvs" * 3 + "tsv", (1, 2, 3), "train"),  # one user's validation comes after the test
        ("tts" * 3 + "tvs", (1, 2, 3), "train+validation"),
        ("tts" * 4, (1, 2, 3), "train"),  # no validation at all
        ("ttv" * 2 + "tts" * 2, (1, 2, 3), "train"),  # nobody has both: users were held out
        ("tvs" * 4, (1, 2, 2), "train"),  # all at one moment: no order to go by
    ],
)
def test_the_order_of_the_events_says_whether_validation_is_known(
    parts: str, moments: tuple[int, int, int], history: str
) -> None:
    events, frame = three_each(parts, moments)
    assert make.published(dataset(events), frame).test_history == history
    without = frame.drop("timestamp")
    assert make.published(dataset(events, order=""), without).test_history == "train"


def test_one_tie_among_ordered_users_is_no_disorder() -> None:
    events, frame = three_each("tvs" * 4)
    events[2] = (1, 7, events[1][2])  # the test event of user 1 at the moment of validation
    frame = frame.with_columns(timestamp=pl.Series([when for _, _, when in events]))
    assert make.published(dataset(events), frame).test_history == "train+validation"


def test_an_event_matches_by_time_or_position_where_pairs_repeat() -> None:
    events = [(1, 1, 0), (1, 1, 5), (1, 2, 1), (2, 1, 0)]
    frame = pl.DataFrame(events, schema=["user_id", "item_id", "position"], orient="row")
    frame = frame.with_columns(split=pl.Series(["train", "test", "train", "train"]))
    data = dataset(events, order="position")
    assert keys(data, make.published(data, frame).sealed) == [(1, 1, 5)]
    with pytest.raises(DataError, match=r"repeat.*1 1.*add the column 'position'"):
        make.published(data, frame.drop("position"))
    with pytest.raises(DataError, match=r"repeat.*add the column 'position'"):
        make.published(data, frame.drop("position").unique(maintain_order=True).head(2))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (broken(user_id=99), "user ids.*1 unknown ones in 1 rows, e.g. 99"),
        (broken(item_id=99), "item ids.*1 unknown ones in 1 rows, e.g. 99"),
        (broken(timestamp=77), "an event for every row.*1 of 28 rows.*row 1: 1 1"),
        (broken(split="tain"), "'tain' in 1 rows.*did you mean 'train'"),
        (broken(split=None), "'split'.*1 empty ones, first in row 1"),
        (table()[1:], "a part for every event.*1 of 28 events.*user 1, item 1.*partial=True"),
        (pl.concat([table(), table()[3:4]]), "each interaction once.*2 rows.*1 4"),
        (table().rename({"split": "splt"}), "column 'split'.*did you mean 'splt'"),
        (table().rename({"user_id": "usr_id"}), "'user_id'.*did you mean 'usr_id'"),
        (table().with_columns(timestamp=pl.lit("x")), "a timestamp in every row.*28 rows"),
        (broken(split="train"), "no training event of an item declared cold.*1 of them.*user 1, item 1"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_with_an_example(frame: pl.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        make.published(dataset(EVENTS), frame)


def test_a_file_may_name_some_events_only_when_told_so() -> None:
    split = make.published(dataset(EVENTS), table()[1:], partial=True)
    assert split.how["events_left_out"] == 1
    assert len(split.train) + len(split.validation) + len(split.sealed) == len(EVENTS) - 1


def test_parts_may_have_names_of_their_own() -> None:
    frame = table().with_columns(pl.col("split").str.replace("warm_val", "tuning"))
    with pytest.raises(DataError, match="tuning"):
        make.published(dataset(EVENTS), frame)
    names = {"train": ["train"], "validation": ["tuning", "cold_val"], "test": ["warm_test", "cold_test"]}
    split = make.published(dataset(EVENTS), frame, parts=names)
    assert len(split.validation) == 8
    assert make.published(dataset(EVENTS), frame, parts=names, mask="seen").mask == "seen"
    for wrong, message in [
        ({**names, "tset": []}, "tset"),
        ({**names, "test": ["test"]}, "did you mean"),
        ({**names, "test": ["train"]}, "one part"),
    ]:
        with pytest.raises(SpecError, match=message):
            make.published(dataset(EVENTS), frame, parts=wrong)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing"):
        make.published(dataset(EVENTS), tmp_path / "split.csv")
    (tmp_path / "split.parquet").write_text("no parquet")
    with pytest.raises(DataError, match="Parquet"):
        make.published(dataset(EVENTS), tmp_path / "split.parquet")
    (tmp_path / "split.csv").write_text("user_id,item_id,split\n1,1,train\n1,2\n")
    with pytest.raises(DataError, match="ragged-row in row 2"):
        make.published(dataset(EVENTS), tmp_path / "split.csv")
    with pytest.raises(DataError, match="frame"):
        make.published(dataset(EVENTS), 3)


@pytest.mark.realdata
def test_published_splits_of_citeulike(realdata: Path) -> None:
    folder = realdata / "citeulike-a"
    data = real(folder)
    split = make.published(data, folder / "split_aldi_cold.parquet")
    assert (split.cold.sum(), split.warm.sum()) == (3_396, 13_584)
    assert [len(p) for p in (split.train, split.validation, split.sealed)] == [132_073, 36_273, 36_640]
    assert (split.mask, split.overall_users) == ("others", "both")
    assert split.test_history == "train"
    heater = make.published(data, folder / "split_heater_cold.parquet")
    assert (heater.cold.sum(), len(heater.train), len(heater.validation)) == (3_396, 164_210, 13_037)
    extreme = make.published(data, folder / "split_cvae_P1.parquet")
    assert len(extreme.train) == data.n_users == len(np.unique(data.interactions.user[extreme.train]))
    assert not len(selection_split(extreme).validation)  # nothing can be held out of one event per user


@pytest.mark.realdata
def test_published_splits_of_amazon(realdata: Path) -> None:
    beauty = real(realdata / "amazon-beauty", "position")
    split = make.published(beauty, realdata / "amazon-beauty" / "split_leave_one_out.parquet")
    last = make.leave_last_out(beauty)
    for part in ("train", "validation", "sealed"):
        assert (getattr(split, part) == getattr(last, part)).all()
    assert split.test_history == last.test_history == "train+validation"
    industrial = real(realdata / "amazon-industrial", "position")
    time = make.published(industrial, realdata / "amazon-industrial" / "split_time.parquet")
    assert [len(p) for p in (time.train, time.validation, time.sealed)] == [13_678, 4_532, 4_533]
