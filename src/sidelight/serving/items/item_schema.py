"""Schema of item rows, derived from the catalogue: check and conversion of new rows."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from sidelight.data.ids import text_id, whole_id
from sidelight.errors import DataError, complain, did_you_mean
from sidelight.serving.domain import check_id

if TYPE_CHECKING:
    from sidelight.models.items import Items

LONGEST = 100  # characters of an id: all ids of a catalogue take the memory of the longest one


@dataclass(frozen=True, eq=False)
class ItemSchema:
    """Schema of the item rows of a catalogue.

    Args:
        types: Type of each item column, `item_id` included.
        roles: Role of each item column.
        numeric: Ids are whole numbers.
        width: Largest number of characters of an id.
        lengths: Length of the vectors, by column.
    """

    types: Mapping[str, pl.DataType]
    roles: Mapping[str, str]
    numeric: bool
    width: int
    lengths: Mapping[str, int]

    @classmethod
    def of(cls, items: Items) -> ItemSchema:
        """Derive the schema of a catalogue."""
        types = dict(items.rows.schema)
        roles = {c.name: c.role for c in items.columns}
        vectors = [n for n in types if roles.get(n) == "vector"]
        lengths = {n: items.rows[n].drop_nulls().head(1) for n in vectors}
        ids = items.ids.dtype
        return cls(
            types, roles, ids.kind in "iu",
            max(LONGEST, ids.itemsize // 4 if ids.kind == "U" else 0),
            {n: len(first[0]) for n, first in lengths.items() if len(first)},
        )  # fmt: skip

    def check(self, row: Mapping[str, Any]) -> None:
        """Refuse a row that does not fit this catalogue.

        Raises:
            DataError: No usable id, an unknown column (the nearest one is named), or a value of another type.
        """
        if not isinstance(row, Mapping) or "item_id" not in row:
            found = "no item_id" if isinstance(row, Mapping) else f"a {type(row).__name__}"
            raise DataError(complain("a row with item_id", found, "items"))
        item = check_id(row["item_id"], "an item id")
        if len(item) > self.width:
            raise DataError(
                complain(f"an item id of at most {self.width} characters", f"{len(item)}", "items")
            )
        if self.numeric and str(whole_id(item)) != item:
            raise DataError(complain("a whole number as item id, as in the catalogue", repr(item), "items"))
        if text_id(item) != item:
            raise DataError(complain("an item id without white space at its ends", repr(item), "items"))
        for name, value in row.items():
            if name not in self.types and name != "item_id":
                hint = did_you_mean(str(name)[:100], self.types)
                raise DataError(complain("item columns of the catalogue", repr(name)[:100], "items", hint))
            if name != "item_id" and value is not None:
                self.value(name, value)

    def value(self, name: str, value: Any) -> Any:
        """Convert a plain value to the type of a column: times from ISO texts, bytes from base64.

        Raises:
            DataError: It is of another type.
        """
        if self.roles.get(name) == "image_path":
            fix = "send images as base64 in a column of bytes, or train again"
            raise DataError(complain("no path of an image", "one", f"column {name!r}", fix))
        try:
            converted = _read(value, self.types[name])
        except DataError as error:
            raise DataError(f"{error} {name!r}") from None
        except (TypeError, ValueError, OverflowError, binascii.Error):
            expected = f"{_describe(self.types[name])} or null"
            raise DataError(complain(expected, _short(value), f"column {name!r}")) from None
        if name in self.lengths and len(converted) != self.lengths[name]:
            found = f"{len(converted)}"
            raise DataError(complain(f"{self.lengths[name]} numbers", found, f"column {name!r}"))
        return converted

    def frame(self, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        """Convert checked rows to the types of the catalogue; columns that it lacks are left out.

        Raises:
            DataError: A value is of another type.
        """
        columns: dict[str, pl.Series] = {}
        for name, dtype in self.types.items():
            if name == "item_id":
                continue
            values = [row.get(name) for row in rows]
            if any(value is not None for value in values):
                read = [None if value is None else self.value(name, value) for value in values]
                columns[name] = pl.Series(name, read, dtype=dtype, strict=True)
        ids = [str(row["item_id"]) for row in rows]
        return pl.DataFrame({"item_id": [int(i) for i in ids] if self.numeric else ids} | columns)


def _read(value: Any, dtype: pl.DataType) -> Any:
    """Convert a plain value to a column type; TypeError or ValueError if it does not fit."""
    if isinstance(dtype, pl.List | pl.Array):
        if not isinstance(value, list | tuple):
            raise TypeError
        inner = dtype.inner
        values = [_read(each, inner if isinstance(inner, pl.DataType) else inner()) for each in value]
        if isinstance(dtype, pl.Array) and len(values) != dtype.shape[0]:
            raise ValueError
        return values
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        fits = isinstance(value, str)
    elif dtype == pl.Boolean:
        fits = isinstance(value, bool)
    elif dtype.is_numeric():
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if fits and dtype.is_integer():
            if value != int(value):
                raise ValueError
            return pl.Series([int(value)], dtype=dtype, strict=True)[0]  # raises on overflow of small types
    elif dtype == pl.Binary:
        return _image(base64.b64decode(value.encode() if isinstance(value, str) else b"!", validate=True))
    elif dtype in (pl.Datetime, pl.Date):
        return _time(value, dtype)
    else:
        fits = False
    if not fits:
        raise TypeError
    return value


def _time(value: Any, dtype: pl.DataType) -> date:
    """Parse an ISO text, with or without a time zone as the column has it."""
    at = datetime.fromisoformat(value)
    if dtype == pl.Date:
        return at.date()
    zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    if zoned != (at.tzinfo is not None):
        raise ValueError
    return at


def _image(data: bytes) -> bytes:
    """Return the bytes of an image that can be decoded: a broken one must not be ignored silently."""
    from sidelight.content.image_decoding import BadImage, decode

    try:
        decode(data, near=64)
    except BadImage as error:
        raise DataError(complain("an image", str(error), "column")) from None
    return data


def _describe(dtype: pl.DataType) -> str:
    """Describe a type in words."""
    if isinstance(dtype, pl.List | pl.Array):
        inner = dtype.inner
        return (
            f"a list of {_describe(inner if isinstance(inner, pl.DataType) else inner()).removeprefix('a ')}s"
        )
    if dtype.is_integer():
        return "a whole number"
    if dtype.is_numeric():
        return "a number"
    names = {pl.Boolean: "true or false", pl.Binary: "bytes as base64", pl.Date: "a date as ISO text"}
    if dtype == pl.Datetime:
        return f"a time as ISO text {'with' if getattr(dtype, 'time_zone', None) else 'without'} a time zone"
    return next((text for kind, text in names.items() if dtype == kind), "a text")


def _short(value: Any) -> str:
    return f"{type(value).__name__} {value!r}"[:80]
