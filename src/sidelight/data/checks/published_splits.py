"""Checks of a published split: overlap of parts, training after test, cold users and items."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from sidelight.data.checks.checked_tables import Check, CheckedTables
from sidelight.data.findings import Finding
from sidelight.data.raw_tables import FILE, ROW
from sidelight.data.read import read_raw
from sidelight.data.vocabulary import PART_NAMES
from sidelight.errors import DataError, complain, did_you_mean

PAIR = ["user_id", "item_id"]


def kind(part: pl.Expr) -> pl.Expr:
    """Return the use of a part by its name: "train", "validation", "test" or null."""
    known = {name: use for use, names in PART_NAMES.items() for name in names}
    return part.cast(pl.String).str.strip_chars().str.to_lowercase().replace_strict(known, default=None)


def read_split(path: Path) -> tuple[pl.DataFrame, list[Finding]]:
    """Read a split file for `check`; return it with the findings of reading (table "split").

    Raises:
        DataError: The file cannot be read or has no column "split".
    """
    raw = read_raw(interactions=path)
    frame = raw.frames["interactions"]
    if "split" not in frame.columns:
        names = [c for c in frame.columns if c not in (FILE, ROW)]
        shown = ", ".join(repr(n) for n in names)
        fix = did_you_mean("split", names)
        raise DataError(complain("a column 'split'", f"columns {shown}", path.name, fix))
    return frame, [replace(f, table="split") for f in raw.findings]


def overlap(t: CheckedTables) -> list[Finding]:
    """Report events of the split that the data lack or repeat, or that are in two parts."""
    if t.split is None:
        return []
    split = t.frame("split").with_columns(kind=kind(pl.col("split")), at=pl.int_range(pl.len()))
    if not (split["kind"] == "train").any():
        parts = ", ".join(repr(p) for p in split["split"].unique().sort().to_list()[:6])
        return t.found("split-no-train", "split", None, f"its parts are {parts}", "split")
    known = t.events.group_by(PAIR).agg(there=pl.len())
    both = split.join(known, on=PAIR, how="left", maintain_order="left").with_columns(
        again=pl.int_range(pl.len()).over(PAIR), parts=pl.col("split").n_unique().over(PAIR),
        other=pl.col("split") != pl.col("split").first().over(PAIR),
    )  # fmt: skip
    strange = both["there"].is_null()
    surplus = (both["again"] >= both["there"].fill_null(1)) & (both["parts"] > 1)
    repeat = both["other"] & ~surplus & ~strange
    covered = t.events.join(split.unique(PAIR), on=PAIR, how="left", maintain_order="left")["split"].is_null()
    found = []
    for defect, rows, message in (
        ("split-unknown-pair", strange, "a pair without an event in the data; e.g. user {value}"),
        ("split-overlap", surplus, "an event that is in another part as well; e.g. user {value}"),
        ("split-repeat", repeat, "a pair that is in another part as well; e.g. user {value}"),
    ):
        found += t.found(defect, "split", rows, message, "user_id")
    message = "an event in no part of the split; e.g. of user {value}"
    return found + t.found("split-uncovered", "interactions", covered, message, "user_id")


def order(t: CheckedTables) -> list[Finding]:
    """Report training events at or after the first test event: no system would have had them.

    When fewer test events lie before the last training event, those are named instead: one stray
    test row does not make all of training late. A pair with several events, where the split gives
    no time, is left out: which of them is meant is not known.
    """
    if t.split is None or "timestamp" not in t.events.columns:
        return []
    split = t.frame("split").with_columns(kind=kind(pl.col("split")))
    if "timestamp" not in split.columns:
        once = t.events.filter(~pl.struct(PAIR).is_duplicated()).select(*PAIR, "timestamp")
        split = split.join(once, on=PAIR, how="left", maintain_order="left")
        again = split.select(pl.struct(PAIR).is_duplicated()).to_series()
        split = split.with_columns(timestamp=pl.when(~again).then("timestamp"))
    train, test = split["kind"] == "train", split["kind"] == "test"
    first, last = split["timestamp"].filter(test).min(), split["timestamp"].filter(train).max()
    if first is None or last is None:
        return []
    late, early = train & (split["timestamp"] >= first), test & (split["timestamp"] <= last)
    if int(early.sum()) < int(late.sum()):
        rows, share = early, int(early.sum()) / int(test.sum())
        message = f"{share:.1%} of test is not later than all of training; e.g. user {{value}}"
    else:
        rows, share = late, int(late.sum()) / int(train.sum())
        message = f"{share:.1%} of training is not earlier than all of test; e.g. user {{value}}"
    return t.found("split-time-leak", "split", rows.fill_null(False), message, "user_id")


def cold_ids(t: CheckedTables) -> list[Finding]:
    """Report users and items that the test part has and training lacks."""
    if t.split is None:
        return []
    split = t.frame("split").with_columns(kind=kind(pl.col("split")))
    train = split.filter(pl.col("kind") == "train")
    if not len(train):
        return []
    found = []
    for key in PAIR:
        cold = (split["kind"] == "test") & ~split[key].is_in(train[key].implode())
        ids = split[key].filter(cold.fill_null(False)).n_unique()
        what = key[:-3]
        message = f"{what} ids in test that training lacks: {ids:,}; e.g. {{value}}"
        found += t.found(f"split-cold-{what}", "split", cold.fill_null(False), message, key)
    return found


CHECKS: tuple[Check, ...] = (overlap, order, cold_ids)
