"""`Items`: outside ids, rows and popularity of the items that a fitted model can recommend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.content.shared_terms import text_of
from sidelight.data.histories import Histories
from sidelight.data.ids import Ids, index_of, text_id, whole_id
from sidelight.data.schema import Column, Role
from sidelight.data.split.split import Split
from sidelight.errors import DataError, UnknownIdError, complain, did_you_mean


@dataclass(frozen=True, eq=False)
class Items:
    """Catalogue of a fitted model: everything about items besides their scores, nothing about users.

    Items that join after training are appended.

    Args:
        ids: Outside ids, shape (n_items,), in the order of the inner indices.
        rows: Item table for display and explanations, one row per item, without image bytes.
        popular: float32 (n_items,), training users per item: 0 marks cold items, and lists without
            evidence are filled in this order.
        fingerprint: Hash of the data set that the model was fitted on.
        columns: Declared roles of the item columns, used to read new rows in the same way.
        refitted: The model was fitted on validation events too, so that they cannot judge it.
    """

    ids: Ids
    rows: pl.DataFrame
    popular: NDArray[np.float32]
    fingerprint: str = ""
    columns: tuple[Column, ...] = ()
    refitted: bool = False

    @classmethod
    def of(cls, split: Split) -> Items:
        """Return the items of a split with their popularity in training."""
        data = split.data
        count = np.asarray(split.fitting().sum(axis=0), dtype=np.float32).ravel()
        joined = bool(split.how.get("joined", False))
        return cls(
            data.item_ids, without_images(data.items), count, data.fingerprint, data.schema.items, joined
        )

    def __len__(self) -> int:
        return len(self.ids)

    def titles(self, places: Iterable[int]) -> list[tuple[Any, str]]:
        """Return the outside id and a one-line description of some items, by inner index."""
        return [(self.ids[at].item(), text_of(self.rows.row(int(at), named=True))) for at in places]

    @property
    def table(self) -> tuple[Column, ...]:
        """Columns of the item table; one without a declared role has the role of its type."""
        known = {c.name: c for c in self.columns}
        return tuple(known.get(n) or Column(n, _role(n, kind)) for n, kind in self.rows.schema.items())

    def find(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Return the inner indices of outside ids, -1 for unknown ones."""
        order, ordered = self._sorted
        at = index_of(ordered, ids)
        return np.where(at >= 0, order[at], -1)

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], Ids]:
        """Inner indices in the order of the outside ids, and the ids in that order."""
        order = np.argsort(self.ids, kind="stable")
        return order, self.ids[order]

    def need(self, ids: Iterable[Any], what: str) -> NDArray[np.int64]:
        """Return the inner indices of ids that must exist.

        Raises:
            UnknownIdError: One does not; the nearest known id is named.
        """
        wanted = list(ids)
        at = self.find(wanted)
        if (at < 0).any():
            missing = wanted[int(np.argmin(at >= 0))]
            hint = did_you_mean(str(missing), [str(i) for i in self.ids])
            raise UnknownIdError(complain(f"{what} from the catalogue", repr(missing), fix=hint))
        return at

    def histories(self, given: Sequence[Sequence[Any]]) -> tuple[Histories, list[Any]]:
        """Convert lists of outside ids, oldest first, to histories; unknown ids are returned apart."""
        row = np.repeat(np.arange(len(given)), [len(h) for h in given])
        flat = [i for h in given for i in h]
        at = self.find(flat)
        missing = [flat[i] for i in np.flatnonzero(at < 0)]
        row, at = row[at >= 0], at[at >= 0]
        return Histories.of_events(row, at, (len(given), len(self))), missing

    def with_rows(self, rows: pl.DataFrame) -> tuple[Items, pl.DataFrame]:
        """Append new items; return the grown catalogue and the new rows in its columns.

        Args:
            rows: Column `item_id` and any of the item columns; absent columns are missing values.

        Raises:
            DataError: An id is null, repeated or already known, or a column is unknown.
        """
        new = _new_ids(rows, self)
        full = self.typed(rows, "new items")
        grown = replace(
            self,
            ids=np.concatenate([self.ids, new]),
            rows=pl.concat([self.rows, without_images(full)]),
            popular=np.append(self.popular, np.zeros(len(new), np.float32)),
        )
        return grown, full

    def typed(self, rows: pl.DataFrame, what: str) -> pl.DataFrame:
        """Cast item rows to the columns and types of the catalogue; absent columns are missing values.

        Raises:
            DataError: A column is unknown, or of another type.
        """
        own = self.rows.schema
        unknown = [c for c in rows.columns if c != "item_id" and c not in own]
        if unknown:
            hint = did_you_mean(unknown[0], list(own))
            raise DataError(complain("item columns of the catalogue", repr(unknown[0]), what, hint))
        return pl.DataFrame(
            {
                name: _cast(rows, name, dtype, what)
                if name in rows.columns
                else pl.Series([None] * len(rows), dtype=dtype)
                for name, dtype in own.items()
            },
            schema=dict(own),
        )

    def state(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, bytes]]:
        """Return arrays, options and files for a bundle."""
        buffer = BytesIO()
        self.rows.write_parquet(buffer)
        meta = {
            "fingerprint": self.fingerprint,
            "refitted": self.refitted,
            "columns": [asdict(c) for c in self.columns],
        }
        files = {"items.parquet": buffer.getvalue()}
        return {"item_ids": self.ids, "popular": self.popular}, meta, files

    @classmethod
    def restore(cls, arrays: dict[str, Any], meta: dict[str, Any], files: dict[str, bytes]) -> Items:
        """Return the items that `state` described."""
        return cls(
            arrays["item_ids"],
            pl.read_parquet(BytesIO(files["items.parquet"])),
            arrays["popular"],
            str(meta["fingerprint"]),
            tuple(Column(**c) for c in meta["columns"]),
            bool(meta.get("refitted", False)),
        )


def without_images(rows: pl.DataFrame) -> pl.DataFrame:
    """Return item rows with image bytes set to null; the columns stay, as new items may fill them."""
    binary = [name for name, dtype in rows.schema.items() if dtype == pl.Binary]
    return rows.with_columns(pl.lit(None, pl.Binary).alias(name) for name in binary)


def _role(name: str, kind: pl.DataType) -> Role:
    if name == "item_id":
        return "item_id"
    if isinstance(kind, pl.List):
        return "vector" if kind.inner.is_numeric() else "tags"
    return "image_bytes" if kind == pl.Binary else "number" if kind.is_numeric() else "text"


def _cast(rows: pl.DataFrame, name: str, dtype: pl.DataType, what: str) -> pl.Series:
    try:
        return rows[name].cast(dtype)
    except pl.exceptions.PolarsError as error:
        found = f"{rows.schema[name]}"
        raise DataError(complain(f"values of type {dtype}", found, f"{what}, column {name!r}")) from error


def _new_ids(rows: pl.DataFrame, known: Items) -> Ids:
    if "item_id" not in rows.columns:
        hint = did_you_mean("item_id", rows.columns)
        raise DataError(complain("a column 'item_id'", f"{rows.columns}", "new items", hint))
    ids = rows["item_id"]
    if ids.null_count() or ids.n_unique() != len(ids):
        raise DataError(complain("one distinct id per new item", "null or repeated ids", "new items"))
    there = known.find(ids.to_list()) >= 0
    if there.any():
        again = ids.to_list()[int(np.argmax(there))]
        raise DataError(complain("ids that are new", f"{again!r}, which exists", "new items"))
    if known.ids.dtype.kind in "iu":
        whole = [whole_id(i) for i in ids]
        if None in whole:
            found = repr(ids[whole.index(None)])
            raise DataError(complain("whole numbers as ids, as in the catalogue", found, "new items"))
        return np.array(whole, dtype=known.ids.dtype)
    return np.array([text_id(i) for i in ids], dtype=np.str_)
