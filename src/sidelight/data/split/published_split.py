"""Published split: a file that names the part of every interaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.column_names import resolve
from sidelight.data.dataset import Dataset
from sidelight.data.frames import frame_table
from sidelight.data.ids import index_of
from sidelight.data.raw_tables import ROW
from sidelight.data.sources import open_table
from sidelight.data.split.assemble import OUT, TEST, TRAIN, VALIDATION, assemble
from sidelight.data.split.split import Split
from sidelight.data.timestamps import to_microseconds
from sidelight.data.vocabulary import PART_NAMES
from sidelight.errors import DataError, SpecError, complain, did_you_mean
from sidelight.option_types import PartShare, Seed, check_call

_CODES = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def published(
    data: Dataset,
    path_or_frame: str | Path | Any,
    *,
    parts: Mapping[str, Sequence[str]] | None = None,
    mask: Literal["seen", "others"] | None = None,
    overall_users: Literal["any", "both"] | None = None,
    partial: bool = False,
    seed: Seed = 0,
    simulate: PartShare = 0.1,
) -> Split:
    """Make the split that a file describes, matched event by event.

    Every row of the file must be exactly one event of the data, and every event must be named. A
    part whose name begins with "cold" declares its items cold. A file without validation rows
    gives an empty validation part: `Split.selection` then has only the simulated cold items.
    Whether validation events count as history for the test part is read off the order of the
    events, see `assemble.history_of_test`.

    Args:
        data: The data set.
        path_or_frame: CSV, TSV, JSON lines or Parquet file, or a polars or pandas frame, with
            columns user_id, item_id, split, and where pairs repeat also timestamp or position.
        parts: Names in the file for "train", "validation" and "test"; None means `PART_NAMES`.
        mask: See `Split`; None means "others" for a file with warm and cold parts, else "seen".
        overall_users: See `Split`; None means "both" for a file with warm and cold parts, else "any".
        partial: Leave events that the file does not name out of all parts (counted in
            `how["events_left_out"]`) instead of raising.
        seed: Random seed of the simulated slice.
        simulate: Share of the warm items that stand in for cold ones.

    Raises:
        DataError: A row that is no event, twice the same row, an event without a row, an unknown
            part, or training events of items declared cold; with counts and an example.

    Examples:
        >>> import sidelight as sl
        >>> clicks = {"user_id": [1, 1, 2], "item_id": ["a", "b", "a"]}
        >>> parts = {**clicks, "split": ["train", "test", "train"]}
        >>> published(sl.from_frames(clicks), parts)
        Split(published: 2 train, 0 validation, 1 test, 1 cold items)
    """
    check_call(published, locals())
    table, where = _table(path_or_frame)
    labels, codes = _parts(table["split"], parts, where)
    event = _match(data, table, where)
    part = np.full(len(data.interactions), OUT, dtype=np.int8)
    part[event] = codes
    left_out = int((part == OUT).sum())
    if left_out and not partial:
        example = _named(data, int(np.flatnonzero(part == OUT)[0]))
        found = f"{left_out} of {len(part)} events without one, e.g. {example}"
        raise DataError(complain("a part for every event", found, where, "add them, or pass partial=True"))
    cold_rows = labels.str.starts_with("cold").to_numpy()
    declared = np.isin(np.arange(data.n_items), data.interactions.item[event[cold_rows]])
    leaks = np.flatnonzero(declared[data.interactions.item] & (part == TRAIN))
    if len(leaks):
        found = f"{len(leaks)} of them, e.g. {_named(data, int(leaks[0]))}"
        expected = "no training event of an item declared cold"
        raise DataError(complain(expected, found, where, "correct the file"))
    both = bool(cold_rows.any()) and bool(labels.str.starts_with("warm").any())
    how = {
        "rule": "published",
        "file": where,
        "parts": {name: sorted(set(labels.filter(codes == code))) for name, code in _CODES.items()},
        "events_left_out": left_out,
    }
    return assemble(
        data, part, how, seed=seed, simulate=simulate, declared=declared,
        mask=mask or ("others" if both else "seen"),
        overall_users=overall_users or ("both" if both else "any"),
    )  # fmt: skip


def _table(source: Any) -> tuple[pl.DataFrame, str]:
    """Return the rows with canonical column names, and their name for messages."""
    if isinstance(source, (str, Path)):
        source_table, where = open_table(Path(source), "interactions"), Path(source).name
    else:
        source_table, where = frame_table(source, "interactions"), "the split frame"
    if len(source_table.quarantine):
        defect, row, _ = source_table.quarantine.select("defect", "row", "content").row(0)
        found = f"{len(source_table.quarantine)} others, first a {defect} in row {row}"
        raise DataError(complain("rows that can be read", found, where, "repair the file"))
    frame = source_table.frame.drop(ROW)
    frame = frame.rename(resolve(frame.columns, "interactions", where).renames)
    if "split" not in frame.columns:
        fix = did_you_mean("split", frame.columns)
        found = f"columns {frame.columns}"
        raise DataError(complain("a column 'split' that names the part", found, where, fix))
    for name in ("user_id", "item_id", "split"):
        nulls = frame[name].null_count()
        if nulls:
            row = int(frame[name].is_null().arg_max() or 0) + 1
            found = f"{nulls} empty ones, first in row {row}"
            raise DataError(complain(f"a value in {name!r}", found, where))
    return frame, where


def _parts(
    column: pl.Series, parts: Mapping[str, Sequence[str]] | None, where: str
) -> tuple[pl.Series, NDArray[np.int8]]:
    """Return normalised names and part codes of the rows."""
    names = {
        k: tuple(n.strip().lower() for n in v) for k, v in (PART_NAMES if parts is None else parts).items()
    }
    for name in names:
        if name not in _CODES:
            raise SpecError(complain("parts 'train', 'validation' and 'test'", repr(name), "parts"))
    codes = {label: _CODES[part] for part, labels in names.items() for label in labels}
    if len(codes) != sum(len(v) for v in names.values()):
        raise SpecError(complain("each name in one part", f"{dict(names)}", "parts"))
    labels = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    present = set(labels.unique())
    missing = sorted(set(codes) - present)
    if parts is not None and missing:
        fix = did_you_mean(missing[0], present)
        raise SpecError(complain(f"the part name {missing[0]!r} of parts=", "no such row", where, fix))
    for label in sorted(present - set(codes)):
        fix = f"{did_you_mean(label, codes)} or name it in parts={{'train': [...], ...}}"
        raise DataError(complain("a known part", f"{label!r} in {(labels == label).sum()} rows", where, fix))
    return labels, labels.replace_strict(codes, return_dtype=pl.Int8).to_numpy()


def _match(data: Dataset, table: pl.DataFrame, where: str) -> NDArray[np.int64]:
    """Match each row of the table to its event, int64 (n_rows,)."""
    log = data.interactions
    keys = {
        "user": _inner(table["user_id"], data.user_ids, "user", where),
        "item": _inner(table["item_id"], data.item_ids, "item", where),
    }
    events = {"user": log.user.astype(np.int64), "item": log.item.astype(np.int64)}
    spare = []
    for name, known in (("timestamp", log.timestamp), ("position", log.position)):
        if known is not None and name in table.columns:
            keys[name], events[name] = _order(table[name], known, name, where), known
        elif known is not None:
            spare.append(f"add the column {name!r} to the split file")
    left = pl.DataFrame(keys).with_row_index("row")
    right = pl.DataFrame(events).with_row_index("event")
    finer = spare[0] if spare else ""
    _unambiguous(data, left, list(keys), where, "each interaction once", finer or "remove the repeats")
    distinct = f"events that differ in {', '.join(keys)}"
    _unambiguous(data, right, list(keys), "the data", distinct, finer or "deduplicate the data")
    joined = left.join(right, on=list(keys), how="left").sort("row")
    found = joined["event"]
    if found.null_count():
        row = int(found.is_null().arg_max() or 0)
        user, item = data.user_ids[keys["user"][row]], data.item_ids[keys["item"][row]]
        found_rows = f"{found.null_count()} of {len(found)} rows that are none"
        example, fix = f"{found_rows}, e.g. row {row + 1}: {user} {item}", "use the split's own interactions"
        raise DataError(complain("an event for every row", example, where, fix))
    return found.cast(pl.Int64).to_numpy()


def _unambiguous(
    data: Dataset, rows: pl.DataFrame, keys: list[str], where: str, expected: str, fix: str
) -> None:
    double = rows.filter(rows.select(keys).is_duplicated())
    if len(double):
        user, item = data.user_ids[double["user"][0]], data.item_ids[double["item"][0]]
        raise DataError(complain(expected, f"{len(double)} rows that repeat, e.g. {user} {item}", where, fix))


def _inner(ids: pl.Series, known: NDArray[Any], kind: str, where: str) -> NDArray[np.int64]:
    """Return inner indices of a column of outside ids; an unknown one is an error."""
    unique = ids.unique().sort()
    places = pl.DataFrame({ids.name: unique, "at": index_of(known, unique.to_list())})
    found = ids.to_frame().join(places, on=ids.name, how="left", maintain_order="left")["at"].to_numpy()
    if (found < 0).any():
        missing = places.filter(pl.col("at") < 0)[ids.name]
        example = f"{len(missing)} unknown ones in {int((found < 0).sum())} rows, e.g. {missing[0]}"
        fix = "use the split's own interactions"
        raise DataError(complain(f"{kind} ids of the data", example, where, fix))
    return found


def _order(column: pl.Series, known: NDArray[np.int64], kind: str, where: str) -> NDArray[np.int64]:
    """Return positions as they are, and times as microseconds, whatever unit the file has."""
    plain = not column.dtype.is_temporal()
    whole = column.cast(pl.Int64, strict=False) if plain else pl.Series([], dtype=pl.Int64)
    # Numbers that already are the data's own times must not be taken for seconds.
    own = np.isin(whole.drop_nulls().to_numpy(), known).sum() > 0.5 * len(column)
    column = whole if kind == "position" or own else to_microseconds(column)[0]
    if column.null_count():
        found = f"{column.null_count()} rows without, first in row {int(column.is_null().arg_max() or 0) + 1}"
        raise DataError(complain(f"a {kind} in every row", found, where))
    return column.to_numpy()


def _named(data: Dataset, event: int) -> str:
    log = data.interactions
    return f"user {data.user_ids[log.user[event]]}, item {data.item_ids[log.item[event]]}"
