"""`Catalogue`: outside ids, histories and item rows that a fitted model carries with it."""

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
class Catalogue:
    """What recommending needs besides scores. Items added later stand at the end.

    Args:
        item_ids: Outside ids, shape (n_items,), in inner order.
        user_ids: Outside ids of the users with a stored history, sorted.
        histories: Items of each user, oldest first.
        items: Item rows for display and explanation, one an item.
        popular: float32 (n_items,), the order to fall back on, higher first.
        fingerprint: Of the data it was fitted on.
        columns: Roles of the item columns, to read new items alike.
        refitted: Validation events are among those it was fitted on: they cannot judge it.
    """

    item_ids: Ids
    user_ids: Ids
    histories: Histories
    items: pl.DataFrame
    popular: NDArray[np.float32]
    fingerprint: str = ""
    columns: tuple[Column, ...] = ()
    refitted: bool = False

    @classmethod
    def of(cls, split: Split) -> Catalogue:
        """The catalogue of a split: training histories only."""
        data, histories = split.data, split.histories()
        count = np.asarray(split.fitting().sum(axis=0), dtype=np.float32).ravel()
        return cls(
            data.item_ids, data.user_ids, histories, bare(data.items), count,
            data.fingerprint, data.schema.items, bool(split.how.get("joined", False)),
        )  # fmt: skip

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.item_ids)

    def named(self, places: Iterable[int]) -> list[tuple[Any, str]]:
        """Outside ids of some items, each with one line that says what the item is."""
        return [(self.item_ids[at].item(), text_of(self.items.row(int(at), named=True))) for at in places]

    @property
    def table(self) -> tuple[Column, ...]:
        """The columns of the item table; one without a declared role has that of its type."""
        known = {c.name: c for c in self.columns}
        return tuple(known.get(n) or Column(n, _role(n, kind)) for n, kind in self.items.schema.items())

    def find_items(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Inner indices, -1 for unknown ids."""
        order, ordered = self._sorted
        at = index_of(ordered, ids)
        return np.where(at >= 0, order[at], -1)

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], Ids]:
        """Inner indices in the order of the outside ids, and the ids in that order."""
        order = np.argsort(self.item_ids, kind="stable")
        return order, self.item_ids[order]

    def need_items(self, ids: Iterable[Any], what: str) -> NDArray[np.int64]:
        """Inner indices of ids that must exist.

        Raises:
            UnknownIdError: One does not; the nearest known id is named.
        """
        wanted = list(ids)
        found = self.find_items(wanted)
        if (found < 0).any():
            missing = wanted[int(np.argmin(found >= 0))]
            hint = did_you_mean(str(missing), [str(i) for i in self.item_ids])
            raise UnknownIdError(complain(f"{what} from the catalogue", repr(missing), fix=hint))
        return found

    def find_users(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Inner indices, -1 for unknown ids."""
        return index_of(self.user_ids, ids)

    def rows(self, histories: Sequence[Sequence[Any]]) -> tuple[Histories, list[Any]]:
        """Lists of outside item ids, oldest first, as histories, and the ids it does not know."""
        row = np.repeat(np.arange(len(histories)), [len(h) for h in histories])
        flat = [i for h in histories for i in h]
        at = self.find_items(flat)
        missing = [flat[i] for i in np.flatnonzero(at < 0)]
        row, at = row[at >= 0], at[at >= 0]
        return Histories.of_events(row, at, (len(histories), self.n_items)), missing

    def with_items(self, rows: pl.DataFrame) -> tuple[Catalogue, pl.DataFrame]:
        """The catalogue with new items at the end, and their rows in its columns.

        Args:
            rows: Column `item_id` and any of the item columns; absent columns are missing values.

        Raises:
            DataError: An id is null, repeated or already known, or a column is unknown.
        """
        new = _new_ids(rows, self)
        full = self.typed(rows, "new items")
        grown = replace(
            self,
            item_ids=np.concatenate([self.item_ids, new]),
            histories=self.histories.widened(self.n_items + len(new)),
            items=pl.concat([self.items, full]),
            popular=np.append(self.popular, np.zeros(len(new), np.float32)),
        )
        return grown, full

    def typed(self, rows: pl.DataFrame, what: str) -> pl.DataFrame:
        """Item rows in the columns and types of the catalogue; absent columns are missing values.

        Raises:
            DataError: A column is unknown, or of another type.
        """
        own = self.items.schema
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
        """Arrays, options and files for a bundle."""
        buffer = BytesIO()
        self.items.write_parquet(buffer)
        arrays = {
            "item_ids": self.item_ids,
            "user_ids": self.user_ids,
            "history_start": self.histories.start,
            "history_item": self.histories.item,
            "popular": self.popular,
        }
        meta: dict[str, Any] = {"fingerprint": self.fingerprint, "refitted": self.refitted}
        meta["ordered"] = self.histories.ordered
        meta["columns"] = [asdict(c) for c in self.columns]
        return arrays, meta, {"items.parquet": buffer.getvalue()}

    @classmethod
    def restore(cls, arrays: dict[str, Any], meta: dict[str, Any], files: dict[str, bytes]) -> Catalogue:
        """The catalogue that `state` described."""
        items = pl.read_parquet(BytesIO(files["items.parquet"]))
        return cls(
            arrays["item_ids"], arrays["user_ids"], _histories(arrays, meta), items,
            arrays["popular"], str(meta["fingerprint"]), tuple(Column(**c) for c in meta["columns"]),
            bool(meta.get("refitted", False)),
        )  # fmt: skip


def _histories(arrays: dict[str, Any], meta: dict[str, Any]) -> Histories:
    """Histories of a bundle; those of format 1 are a matrix, whose order is unknown."""
    if "histories" in arrays:
        return Histories.of_matrix(arrays["histories"])
    parts = arrays["history_start"], arrays["history_item"], len(arrays["item_ids"])
    return Histories(*parts, ordered=bool(meta["ordered"]))


def bare(items: pl.DataFrame) -> pl.DataFrame:
    """Rows without images, which are not kept; their columns are: new items may bring theirs."""
    binary = [name for name, dtype in items.schema.items() if dtype == pl.Binary]
    return items.with_columns(pl.lit(None, pl.Binary).alias(name) for name in binary)


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


def _new_ids(rows: pl.DataFrame, known: Catalogue) -> Ids:
    if "item_id" not in rows.columns:
        hint = did_you_mean("item_id", rows.columns)
        raise DataError(complain("a column 'item_id'", f"{rows.columns}", "new items", hint))
    ids = rows["item_id"]
    if ids.null_count() or ids.n_unique() != len(ids):
        raise DataError(complain("one distinct id a new item", "null or repeated ids", "new items"))
    there = known.find_items(ids.to_list()) >= 0
    if there.any():
        again = ids.to_list()[int(np.argmax(there))]
        raise DataError(complain("ids that are new", f"{again!r}, which exists", "new items"))
    if known.item_ids.dtype.kind in "iu":
        whole = [whole_id(i) for i in ids]
        if None in whole:
            found = repr(ids[whole.index(None)])
            raise DataError(complain("whole numbers as ids, as in the catalogue", found, "new items"))
        return np.array(whole, dtype=known.item_ids.dtype)
    return np.array([text_id(i) for i in ids], dtype=np.str_)
