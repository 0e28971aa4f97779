"""Split files: Parquet tables of events and items, and a JSON file with the rule that made them."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.dataset import Dataset
from sidelight.data.read import read
from sidelight.data.split.assemble import OUT, TEST, TRAIN, VALIDATION, history_of_test
from sidelight.data.split.split import Split
from sidelight.errors import BundleError, DataError, complain
from sidelight.manifest import SEAL, kind_of, next_command
from sidelight.option_types import check_call
from sidelight.storage import read_folder, write_folder

KIND = {"kind": "split", "format": 1}
ROWS, ITEMS, PAGE = "rows.parquet", "items.parquet", "split.json"
_NAMES = {OUT: "out", TRAIN: "train", VALIDATION: "validation", TEST: "test"}


def write_split(split: Split, folder: str | Path, *, source: str | Path = "", force: bool = False) -> Path:
    """Write a split into a folder, complete or not at all.

    `files/rows.parquet` has user_id, item_id, timestamp or position or both, split and given, one row per
    event (`published` can read it too); `files/items.parquet` has item_id, candidate, cold and
    simulated; `files/split.json` has the rule, the counts, and the path and fingerprint of the data.

    Args:
        split: Split to write.
        folder: Target folder; its parent is created when missing.
        source: Path of the data, so that `read_split` can find it again.
        force: Replace a split that is there.

    Raises:
        SpecError: Something is there and `force` is False, or it is not a folder that Sidelight wrote.

    Examples:
        >>> import tempfile
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.leave_last_out(make_synthetic(30, 20, 200).data)
        >>> folder = write_split(split, Path(tempfile.mkdtemp()) / "split")
        >>> sorted(file.name for file in (folder / "files").iterdir())
        ['items.parquet', 'rows.parquet', 'split.json']
    """
    check_call(write_split, locals())
    page = {
        "how": split.how,
        "mask": split.mask,
        "overall_users": split.overall_users,
        "test_history": split.test_history,
        "source": str(Path(source).resolve()) if source else "",
        "fingerprint": split.data.fingerprint,
        "events": _events_hash(split.data),
        "summary": {k: v for k, v in split.summary().items() if k != "how"},
    }
    flags = {"candidate": split.candidates, "cold": split.cold, "simulated": split.simulated}
    files = {
        ROWS: _parquet(_rows(split)),
        ITEMS: _parquet(pl.DataFrame({"item_id": split.data.item_ids, **flags})),
        PAGE: (json.dumps(page, indent=2, ensure_ascii=False) + "\n").encode(),
    }
    return write_folder(folder, {}, KIND, files, force)


def read_split(folder: str | Path, data: Dataset | None = None) -> Split:
    """Read a split that `write_split` wrote.

    A folder of an earlier version has no `test_history`; it gets the one that its rule gives now.

    Args:
        folder: Folder of the split.
        data: The data it divides; None reads it again from its path.

    Raises:
        BundleError: The folder is damaged, incomplete or of another version.
        DataError: The data is not the data that was split, or cannot be found.

    Examples:
        >>> import tempfile
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.leave_last_out(make_synthetic(30, 20, 200).data)
        >>> folder = write_split(split, Path(tempfile.mkdtemp()) / "split")
        >>> read_split(folder, split.data).hash == split.hash
        True
    """
    check_call(read_split, locals())
    found = kind_of(folder)
    if found in ("a model", "an evaluation") or not (Path(folder) / SEAL).is_file():
        raise BundleError(complain("a split", found, str(folder), next_command(folder, "split")))
    _, kind, files = read_folder(folder)
    if kind != KIND:
        fix = "load it with the version of sidelight that wrote it, or make it anew"
        raise BundleError(complain(f"a split of format {KIND['format']}", repr(kind)[:60], str(folder), fix))
    page = json.loads(files[PAGE])
    if data is None:
        data = _data(page["source"], str(folder))
    _same_data(data, page, str(folder))
    rows, items = pl.read_parquet(files[ROWS]), pl.read_parquet(files[ITEMS])
    part = rows["split"].replace_strict({name: code for code, name in _NAMES.items()}, return_dtype=pl.Int8)
    codes = part.to_numpy()
    return Split(
        data,
        train=_where(codes == TRAIN),
        validation=_where(codes == VALIDATION),
        sealed=_where(codes == TEST),
        candidates=items["candidate"].to_numpy(writable=True),
        cold=items["cold"].to_numpy(writable=True),
        simulated=items["simulated"].to_numpy(writable=True),
        how=page["how"],
        mask=page["mask"],
        overall_users=page["overall_users"],
        given=_where(rows["given"].to_numpy()),
        test_history=page.get("test_history") or history_of_test(data, page["how"].get("rule", ""), codes),
    )


def _where(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.flatnonzero(flags).astype(np.int64)


def _rows(split: Split) -> pl.DataFrame:
    data, log = split.data, split.data.interactions
    part = np.full(len(log), OUT, dtype=np.int8)
    for code, rows in ((TRAIN, split.train), (VALIDATION, split.validation), (TEST, split.sealed)):
        part[rows] = code
    columns: dict[str, Any] = {
        "user_id": pl.Series(data.user_ids).gather(log.user),
        "item_id": pl.Series(data.item_ids).gather(log.item),
    }
    if log.timestamp is not None:
        columns["timestamp"] = pl.Series(log.timestamp).cast(pl.Datetime("us", "UTC"))
    if log.position is not None:
        columns["position"] = log.position
    columns["split"] = pl.Series(part).replace_strict(_NAMES, return_dtype=pl.String)
    columns["given"] = np.isin(np.arange(len(log)), split.given)
    return pl.DataFrame(columns)


def _parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def _data(source: str, where: str) -> Dataset:
    if not source or not Path(source).exists():
        found = f"nothing at {source}" if source else "no path of it"
        raise DataError(complain("the data that was split", found, where, "give the data as well"))
    return read(source)


def _same_data(data: Dataset, page: dict[str, Any], where: str) -> None:
    """Refuse other data: rows are numbers of events, and would name other events."""
    known = page["fingerprint"]
    if known and data.fingerprint and known != data.fingerprint:
        expected, found = f"data with fingerprint {known[:12]}", data.fingerprint[:12]
    elif page["events"] != _events_hash(data):
        expected, found = "the events that were split", f"other ones ({len(data.interactions):,} events)"
    else:
        return
    fix = "split this data anew, or give the data that was split"
    raise DataError(complain(expected, found, where, fix))


def _events_hash(data: Dataset) -> str:
    """Return the sha256 of the ids and of the events in their order."""
    log, digest = data.interactions, hashlib.sha256()
    for ids in (data.user_ids, data.item_ids):
        text = "\n".join(map(str, ids.tolist()))
        digest.update(f"{len(ids)}\n{text}\n".encode())
    for array in (log.user, log.item, log.timestamp, log.position):
        if array is not None:
            digest.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
    return digest.hexdigest()
